// Finding the cloud: by what the firmware says, by who answers, and not at all.

import { mkdir, writeFile } from 'node:fs/promises'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { createAutoNotice } from '../../peer/notice/auto.ts'
import { clouds } from '../../peer/notice/clouds.ts'
import { readFirmware } from '../../peer/notice/firmware.ts'
import { memoryCaller } from '../cloud/memory-caller.ts'
import { Watching } from '../cloud/watching.ts'
import { makeTemp, type TempDirectory } from '../helpers/temp.ts'

const test = suite('notice by auto')

async function firmware(files: Readonly<Record<string, string>>): Promise<TempDirectory> {
  const folder = await makeTemp()
  await mkdir(folder.path, { recursive: true })
  for (const [name, text] of Object.entries(files)) await writeFile(folder.at(name), text)
  return folder
}

/** The order of what happens is the files' order, too, and that takes real turns: so the test waits for the event. */
async function auto(
  kind: Watching['cloud']['kind'],
  dmiFolder: string,
  prepare: (watching: Watching) => void = () => {},
): Promise<Watching> {
  const watching = new Watching(kind)
  prepare(watching)
  const common = { clock: watching.clock, tell: watching.tell, random: () => 1, openCaller: memoryCaller(watching.cloud) }
  await watching.start({ open: () => createAutoNotice({ ...common, dmiFolder }) })
  while (watching.told.length === 0) await watching.settled()
  await watching.settled()
  return watching
}

const dmi: readonly (readonly [string, Readonly<Record<string, string>>])[] = [
  ['aws', { sys_vendor: 'Amazon EC2\n' }],
  ['aws', { sys_vendor: 'Xen', bios_version: '4.11.amazon\n' }],
  ['gcp', { sys_vendor: 'Google', product_name: 'Google Compute Engine\n' }],
  ['azure', { sys_vendor: 'Microsoft Corporation', chassis_asset_tag: '7783-7084-3265-9085-8269-3286-77\n' }],
  ['alibaba', { sys_vendor: 'Alibaba Cloud\n', product_name: 'Alibaba Cloud ECS' }],
  ['tencent', { sys_vendor: 'Tencent Cloud\n', product_name: 'CVM' }],
]

test('the firmware names the cloud, and a mere Hyper-V, an empty folder and none at all name nothing', async () => {
  for (const [kind, files] of dmi) {
    await using folder = await firmware(files)
    assert.is((await readFirmware(folder.path))?.kind, kind)
  }
  for (const files of [{}, { sys_vendor: 'Microsoft Corporation', product_name: 'Virtual Machine' }, { sys_vendor: 'QEMU' }]) {
    await using folder = await firmware(files as Record<string, string>)
    assert.is(await readFirmware(folder.path), undefined)
  }
  assert.is(await readFirmware('/nowhere'), undefined)
})

test('every cloud is found by who answers alone, is not taken for another, and says how', async () => {
  await using folder = await firmware({})
  for (const { kind, endpoint } of clouds) {
    await using watching = await auto(kind, folder.path)
    const [found] = watching.told
    assert.equal({ event: found!.event, cloud: found!['cloud'] }, { event: 'cloud-found', cloud: kind })
    assert.match(String(found!['how']), endpoint)
    watching.cloud.raise('preempt', 60_000)
    assert.is((await watching.one(2_000)).kind, 'preempt')
  }
})

test('what the firmware says is asked first, and nobody else then', async () => {
  await using folder = await firmware({ sys_vendor: 'Tencent Cloud' })
  await using watching = await auto('tencent', folder.path)
  assert.match(String(watching.told[0]!['how']), 'sys_vendor of the firmware says Tencent Cloud, and its metadata service answers')
  assert.is(watching.cloud.asked('computeMetadata'), 0)
})

test('who answers counts for more than what the firmware says', async () => {
  await using folder = await firmware({ sys_vendor: 'Amazon EC2' })
  await using watching = await auto('azure', folder.path)
  assert.is(watching.told[0]!['cloud'], 'azure')
})

test('where nobody answers it says so once, and finds the cloud when its network is up', async () => {
  await using folder = await firmware({ sys_vendor: 'Amazon EC2' })
  await using watching = await auto('aws', folder.path, ({ cloud }) => cloud.breakDown('reset'))
  for (let minute = 0; minute < 5; minute++) await watching.pass(60_000)
  assert.equal(
    watching.told.map(({ event }) => event),
    ['cloud-unknown'],
  )
  assert.match(String(watching.told[0]!['how']), 'Amazon EC2, and no metadata service answers')
  watching.cloud.mend()
  while (watching.told.length < 2) await watching.pass(5_000)
  assert.is(watching.told[1]!['cloud'], 'aws')
})

test('services that are silent are given up in a second', async () => {
  await using folder = await firmware({})
  const watching = new Watching('aws')
  watching.cloud.breakDown('silent')
  const common = { clock: watching.clock, tell: watching.tell, random: () => 1, openCaller: memoryCaller(watching.cloud) }
  await watching.start({ open: () => createAutoNotice({ ...common, dmiFolder: folder.path }) })
  while (watching.clock.waiting === 0) await watching.settled()
  while (watching.clock.waiting < clouds.length) await watching.settled()
  watching.clock.advance(1_000)
  while (watching.told.length === 0) await watching.settled()
  assert.is(watching.told[0]!.event, 'cloud-unknown')
  await watching[Symbol.asyncDispose]()
})
test.run()
