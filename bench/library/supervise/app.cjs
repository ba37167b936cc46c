/** The app of the benchmark, under this library and under PM2. */
'use strict'

const http = require('node:http')

const server = http.createServer((request, response) => {
  response.setHeader('Content-Length', 2)
  response.end('ok')
})

server.listen(Number(process.env.PORT), () => process.send('ready'))
// As PM2's guide to graceful shutdowns has it; under this library the servers are drained by then.
process.on('SIGINT', () => server.close(() => process.exit(0)))

let heard = 0
process.on('message', (message) => {
  if (message.expect === undefined) return
  if (++heard === message.expect) process.send({ heard })
})
