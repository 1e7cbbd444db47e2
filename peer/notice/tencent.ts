// Tencent Cloud CVM. After its documents "Querying Repossession Status of Spot Instances" and "Spot Instance Overview": two minutes ahead, without
// a zone, which is UTC+8 in all regions.

import type { Cloud } from './cloud.ts'
import { watchTerminationTime } from './termination-time.ts'

export const tencent: Cloud = {
  kind: 'tencent',
  name: 'Tencent Cloud',
  endpoint: 'http://metadata.tencentyun.com',
  everyMs: 2_000,
  deadlineMs: 120_000,
  hint: 'does this machine use the name servers of its cloud network? metadata.tencentyun.com is known only there',
  async recognise(service, options) {
    const { status, text } = await service.ask({ path: '/latest/meta-data/instance-id' }, options)
    return status === 200 && /^ins-[0-9a-z]+$/.test(text)
  },
  watch: (service) => [
    watchTerminationTime({
      id: 'tencent spot',
      path: '/latest/meta-data/spot/termination-time',
      reason: 'Tencent Cloud reclaims the spot instance',
      zoneMinutes: 8 * 60,
      ask: (question, options) => service.ask(question, options),
    }),
  ],
}
