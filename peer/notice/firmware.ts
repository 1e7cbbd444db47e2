// What the firmware of the machine says of its maker (DMI, as the kernel shows it under /sys/class/dmi/id). A hint only: containers
// may not see it, and a maker's name can be set. But it costs nothing and asks nobody.

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { dmiFileBytesMax } from '../../src/limits/notice.ts'
import type { CloudKind } from './cloud.ts'

export const dmiFolder = '/sys/class/dmi/id'

export interface FirmwareHint {
  readonly kind: CloudKind
  /** For people: the file and what it says. */
  readonly how: string
}

const signs: readonly { readonly kind: CloudKind; readonly file: string; readonly says: RegExp }[] = [
  { kind: 'aws', file: 'sys_vendor', says: /^Amazon EC2$/i },
  { kind: 'aws', file: 'board_vendor', says: /^Amazon EC2$/i },
  // Instances of the older, Xen kind.
  { kind: 'aws', file: 'bios_version', says: /amazon/i },
  { kind: 'gcp', file: 'product_name', says: /^Google Compute Engine$/i },
  { kind: 'alibaba', file: 'sys_vendor', says: /^Alibaba Cloud$/i },
  { kind: 'tencent', file: 'sys_vendor', says: /^Tencent Cloud$/i },
  // The tag that Azure gives all its machines: the vendor alone is any Hyper-V.
  { kind: 'azure', file: 'chassis_asset_tag', says: /^7783-7084-3265-9085-8269-3286-77$/ },
]

/** The first sign that is there. */
export async function readFirmware(folder: string): Promise<FirmwareHint | undefined> {
  for (const { kind, file, says } of signs) {
    const text = await readFile(join(folder, file), 'utf8').catch(() => '')
    const value = text.slice(0, dmiFileBytesMax).trim()
    if (says.test(value)) return { kind, how: `${file} of the firmware says ${value}` }
  }
  return undefined
}
