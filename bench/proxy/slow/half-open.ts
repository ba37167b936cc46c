/**
 * Clients that vanish: in a network of its own (`unshare -n`) the link goes down, so that neither a
 * FIN nor a reset comes. Prints how many there were, and how many the proxy still has in the end.
 */
import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { routeTable } from '../../../packages/viaduct/src/proxy/fixtures/route-table.ts'
import { startProxyProcess } from '../../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { startPatientApp } from './patient-app.ts'

const each = 20
/** The longest of them is a kept connection: 75 s. A silent tunnel takes 60 s and 10 probes. */
const limitMs = 110_000
const host = 'Host: app.localhost\r\n'
const upgrade = `${host}Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n`

/** What a client has said when it vanishes, and whether it has had an answer by then. */
const peers = [
  { said: '', answered: false },
  { said: `GET / HTTP/1.1\r\n${host}`, answered: false },
  { said: `GET / HTTP/1.1\r\n${host}\r\n`, answered: true },
  { said: `GET /waits HTTP/1.1\r\n${host}\r\n`, answered: false },
  { said: `POST / HTTP/1.1\r\n${host}Content-Length: 9\r\n\r\nhalf`, answered: false },
  { said: `GET /large HTTP/1.1\r\n${host}\r\n`, answered: false },
  {
    said: `GET /ws HTTP/1.1\r\n${upgrade}Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n`,
    answered: true,
  },
]

execFileSync('ip', ['link', 'set', 'lo', 'up'])
await using app = await startPatientApp()
const http = { headTimeoutMs: 5_000, idleBodyTimeoutMs: 5_000 }
await using proxy = await startProxyProcess(routeTable(1, [{ ports: [app.port], http }]))
const control = await proxy.connect()
const sockets = []
for (const { said, answered } of peers) {
  for (let i = 0; i < each; i++) {
    const socket = connect(proxy.port, '127.0.0.1')
    socket.on('error', () => socket.destroy())
    sockets.push(socket)
    await once(socket, 'connect')
    socket.write(said)
    if (answered) await once(socket, 'data')
  }
}
const { connections: open } = await control.call('stats', null)
execFileSync('ip', ['link', 'set', 'lo', 'down'])
const begun = performance.now()
let left = open
while (left > 0 && performance.now() - begun < limitMs) {
  await sleep(500)
  left = (await control.call('stats', null)).connections
}
const tookMs = performance.now() - begun
control.close()
proxy.child.kill('SIGKILL')
for (const socket of sockets) socket.destroy()
process.stdout.write(`${JSON.stringify({ open, left, tookMs })}\n`)
