// A unit of Type=notify: what happens where nobody asks, and where systemd's program is missing.

import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ServiceManager } from '../../peer/service-manager.ts'

const test = suite('service manager')

test('where no service manager asks nothing is started, and a program that is missing is said', async () => {
  const failures: string[] = []
  const idle = new ServiceManager({ env: { PATH: '/nowhere' }, onFailed: (why) => failures.push(why) })
  idle.tell('ready', '')
  await idle.settled()
  assert.equal(failures, [])
  const without = new ServiceManager({ env: { PATH: '/nowhere', NOTIFY_SOCKET: '/nowhere/socket' }, onFailed: (why) => failures.push(why) })
  without.tell('ready', '')
  await without.settled()
  assert.is(failures.length, 1)
  assert.match(failures[0]!, /systemd-notify/)
})

test.run()
