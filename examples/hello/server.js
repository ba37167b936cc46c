/**
 * The smallest useful app: one Node.js file, no dependencies.
 *
 *   GET  /           says hello, and which release and instance answered
 *   GET  /health     200 when it can serve
 *   GET  /slow?ms=N  answers after N milliseconds (at most a minute)
 *   POST /echo       sends the body back
 */
import { createServer } from 'node:http'
import { setTimeout as wait } from 'node:timers/promises'

const { PORT = '3000', HOST = '127.0.0.1', RELEASE = 'none', PROCESS_ID = 'web.1' } = process.env
const { GREETING = 'Hello' } = process.env

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://app')
  response.setHeader('x-release', RELEASE)
  response.setHeader('x-instance', PROCESS_ID)
  if (pathname === '/echo') return request.pipe(response)
  if (pathname === '/health') return response.end('ok\n')
  if (pathname === '/slow') await wait(Math.min(Number(searchParams.get('ms')) || 0, 60_000))
  else if (pathname !== '/') return response.writeHead(404).end('There is nothing here.\n')
  response.setHeader('content-type', 'text/plain; charset=utf-8')
  response.end(`${GREETING} from release ${RELEASE}, instance ${PROCESS_ID} (pid ${process.pid})\n`)
})

server.listen(Number(PORT), HOST, () => console.log(`Listening on ${HOST}:${PORT}`))

// SIGTERM comes when no request is on its way here any more: finish what is in hand and leave.
process.on('SIGTERM', () => {
  console.log('Leaving')
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
