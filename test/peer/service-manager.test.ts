// A unit of Type=notify, by systemd's own program and a socket as systemd would open it.

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { suite } from 'uvu'
import * as assert from 'uvu/assert'
import { ServiceManager } from '../../peer/service-manager.ts'
import { makeTemp } from '../helpers/temp.ts'

const test = suite('service manager')

/** Node has no Unix datagram sockets. Prints what comes, a line of JSON each, and ends after the second barrier, for whose taking systemd-notify waits. */
const listener = `
import json, socket, sys
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind(sys.argv[1])
print("up", flush=True)
barriers = 0
while barriers < 2:
    text = s.recv(4096).decode()
    if "BARRIER=1" in text:
        barriers += 1
    if "READY=1" in text or "STOPPING=1" in text:
        print(json.dumps(text.split("\\n")), flush=True)
`

test('systemd is told that the peer is ready, and then that it stops, both for this process', async () => {
  await using temp = await makeTemp()
  const path = temp.at('notify.sock')
  const systemd = spawn('python3', ['-c', listener, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  const ended = once(systemd, 'close')
  const lines = createInterface(systemd.stdout)[Symbol.asyncIterator]()
  assert.is((await lines.next()).value, 'up')
  const failures: string[] = []
  const manager = new ServiceManager({ env: { ...process.env, NOTIFY_SOCKET: path }, onFailed: (why) => failures.push(why) })
  manager.tell('ready', '80 % are restored')
  manager.tell('stopping', 'handing off')
  await manager.settled()
  assert.equal(failures, [], 'is systemd-notify there? apt-get install systemd')
  const said = [JSON.parse((await lines.next()).value as string), JSON.parse((await lines.next()).value as string)] as string[][]
  assert.ok(said[0]!.includes('READY=1') && said[0]!.includes('STATUS=80 % are restored'), said[0]!.join())
  assert.ok(said[1]!.includes('STOPPING=1'), said[1]!.join())
  for (const each of said) assert.ok(each.includes(`MAINPID=${process.pid}`), each.join())
  await ended
})

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
