/** The functional context of every example: a web server that a master runs on PORT. */
'use strict'

const http = require('node:http')
const { MessageBus } = require('@viaduct/supervise')
const { PORT, RESPONSE } = process.env

const bus = new MessageBus()

bus.on('stop', () => {
  server.close(bus.sendStopped)
})

bus.on('quit', () => {
  bus.sendShuttedDown()
  setTimeout(() => process.exit(0), 50)
})

const server = http.createServer((request, response) => {
  response.end(RESPONSE)
})

server.listen(PORT, bus.sendStarted)
