// Alibaba Cloud ECS. After its documents "Query the interruption events of preemptible instances" and "Instance metadata": about five minutes
// ahead, in UTC. In the hardened mode of the metadata service every question takes a token; in the normal one it may be sent, too.

import type { Cloud } from './cloud.ts'
import type { MetadataService } from './metadata-service.ts'
import { TokenSession } from './metadata-token.ts'
import { watchTerminationTime } from './termination-time.ts'

export const alibaba: Cloud = {
  kind: 'alibaba',
  name: 'Alibaba Cloud',
  endpoint: 'http://100.100.100.200',
  everyMs: 2_000,
  deadlineMs: 300_000,
  hint: 'is a firewall on this machine or a route of a VPN in the way of 100.100.100.200:80?',
  async recognise(service, options) {
    const { status, text } = await openSession(service).ask({ path: '/latest/meta-data/instance-id' }, options)
    return status === 200 && /^i-[0-9a-z]+$/.test(text)
  },
  watch(service) {
    const session = openSession(service)
    return [
      watchTerminationTime({
        id: 'alibaba spot',
        path: '/latest/meta-data/instance/spot/termination-time',
        reason: 'Alibaba Cloud reclaims the preemptible instance',
        zoneMinutes: 0,
        ask: (question, options) => session.ask(question, options),
      }),
    ]
  },
}

function openSession(service: MetadataService): TokenSession {
  return new TokenSession(service, { header: 'x-aliyun-ecs-metadata-token', optional: true })
}
