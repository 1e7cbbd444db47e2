// `npm run metadata`: a cloud to try notices with, and the commands that it takes.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { CommanderError } from 'commander'
import { obey } from '../../scripts/metadata/command.ts'
import { parseMetadataOptions } from '../../scripts/metadata/options.ts'
import { paths } from '../cloud/endpoints.ts'
import { FakeCloud } from '../cloud/fake-cloud.ts'
import { Program } from '../helpers/process.ts'

const test = suite('npm run metadata')

test('it prints where it answers, and raises a flag by a command over HTTP', async () => {
  await using program = new Program(['scripts/metadata.ts', '--cloud', 'tencent', '--json'])
  const { url } = (await program.row('listening')) as unknown as { url: string }
  const flag = async () => (await fetch(url + paths.tencentSpot)).status
  const command = async (body: string) => (await fetch(`${url}/heirloom`, { method: 'POST', body })).text()
  assert.is(await flag(), 404)
  assert.is(await command('preempt 40s'), 'preempt in 40s\n')
  assert.is(await flag(), 200)
  assert.match(await command('rebalance'), 'announces preempt, but not rebalance')
  program.kill('SIGTERM')
  assert.is((await program.end()).code, 0)
})

test('each command does what it says, and one that is none says what there is', () => {
  const cloud = new FakeCloud('aws', () => 0)
  assert.is(obey('preempt', cloud), 'preempt in 2m')
  assert.match(cloud.value(paths.awsSpot)!, '1970-01-01T00:02:00Z')
  obey('withdraw', cloud)
  assert.is(cloud.value(paths.awsSpot), undefined)
  obey('clock -30s', cloud)
  assert.is(cloud.nowMs(), -30_000)
  for (const known of ['break 503', 'break silent spot', 'mend', 'expire']) assert.ok(obey(known, cloud).length > 0)
  for (const wrong of ['', 'explode', 'break', 'break 200', 'preempt soon', 'clock'])
    assert.throws(() => obey(wrong, cloud), undefined, wrong)
})

test('a cloud that nobody knows and a port that is none are usage errors', () => {
  for (const args of [
    ['--cloud', 'nimbus'],
    ['--port', '70000'],
  ]) {
    assert.throws(
      () => parseMetadataOptions(args, () => {}),
      (thrown: unknown) => thrown instanceof CommanderError,
    )
  }
})
test.run()
