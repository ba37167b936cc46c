/**
 * trajan's contract for apps, written anew: says `online` over Node.js IPC when it listens, and
 * winds down when it hears `'Die'`.
 *
 *   GET /api   takes 2 s, then { "id": N }, the same N for the whole life of the process
 *   other      { "id": N } at once
 *
 * Winding down it answers new requests with 503 and `Connection: close`, finishes its jobs, and
 * leaves when there are none; after 30 s it leaves anyway.
 */
'use strict'
const { createServer } = require('node:http')

const id = Math.floor(Math.random() * 1e9)
const jobMs = 2_000
const leaveAnywayMs = 30_000
let jobs = 0
let windingDown = false

const server = createServer((request, response) => {
  if (windingDown) {
    response.writeHead(503, { connection: 'close' })
    return response.end('Server is in the process of restarting')
  }
  jobs++
  setTimeout(() => finish(response), request.url.startsWith('/api') ? jobMs : 0)
})

function finish(response) {
  jobs--
  response.writeHead(200, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ id }))
  if (windingDown && jobs === 0) leave()
}

function windDown() {
  if (windingDown) return
  windingDown = true
  setTimeout(() => process.exit(1), leaveAnywayMs).unref()
  if (process.send && process.connected)
    process.send({ message: 'busy', port: server.address().port })
  if (jobs === 0) leave()
}

function leave() {
  // An answer that is being written goes out before the process ends.
  server.close(() => process.exit(0))
  server.closeIdleConnections()
}

// PORT unset: any free port, which is what the message is for.
server.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? '127.0.0.1', () => {
  if (process.send) process.send({ message: 'online', port: server.address().port })
})
process.on('message', (message) => message === 'Die' && windDown())
process.on('SIGTERM', windDown)
