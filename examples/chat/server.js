/**
 * A chat over WebSockets, no dependencies: who is connected to the same instance hears each other.
 *
 *   GET  /    the page
 *   WS   /    text messages; `{"from","text"}` as JSON both ways
 *
 * A drain leaves open sockets alone until its limit, so nobody is cut off by a deploy that is
 * given time. When the instance must leave, it closes them with 1001 and the page connects again.
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { acceptWebSocket } from './websocket.js'

const { PORT = '3000', HOST = '127.0.0.1', RELEASE = 'none', PROCESS_ID = 'web.1' } = process.env
const page = await readFile(new URL('page.html', import.meta.url))
const clients = new Set()

const server = createServer((request, response) => {
  if (request.url !== '/') return response.writeHead(404).end()
  response.setHeader('content-type', 'text/html; charset=utf-8')
  response.end(page)
})

server.on('upgrade', (request, socket) => {
  const client = acceptWebSocket(request, socket, {
    onText: (text) => clients.forEach((other) => other.send(text)),
    onClose: () => clients.delete(client),
  })
  if (!client) return
  clients.add(client)
  client.send(JSON.stringify({ from: PROCESS_ID, text: `Welcome to release ${RELEASE}.` }))
})

server.listen(Number(PORT), HOST, () => console.log(`Listening on ${HOST}:${PORT}`))

process.on('SIGTERM', () => {
  for (const client of clients) client.close(1001)
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
