/** An instance for slow clients, and one that is slow itself. Says by the path what it does. */
import { createServer, type Server, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo, Socket } from 'node:net'

const large = Buffer.alloc(4 * 1024 * 1024, 'x')
const dripEveryMs = 60_000
const switched =
  'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n'

export interface PatientApp extends AsyncDisposable {
  readonly port: number
}

/**
 * `/` answers at once, `/large` with 4 MB, `/drip` with a byte a minute, `/waits` never, `/deaf`
 * reads nothing of a body; a WebSocket is opened and says nothing.
 */
export async function startPatientApp(): Promise<PatientApp> {
  const timers = new Set<NodeJS.Timeout>()
  const server: Server = createServer({ requestTimeout: 0 }, (request, response) => {
    const path = request.url ?? '/'
    if (path === '/waits' || path === '/deaf') return
    if (path === '/drip') return void timers.add(drip(response))
    if (path === '/large') return void response.end(large)
    request.resume()
    request.on('end', () => response.end('hi\n'))
  })
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => sockets.add(socket))
  server.on('upgrade', (_, socket) => {
    socket.on('error', () => socket.destroy())
    socket.write(switched)
  })
  await once(server.listen(0, '127.0.0.1', 4_096), 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose]() {
      for (const timer of timers) clearInterval(timer)
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function drip(response: ServerResponse): NodeJS.Timeout {
  response.writeHead(200, { 'content-length': 1_000 })
  response.write('x')
  return setInterval(() => response.write('x'), dripEveryMs)
}
