/**
 * Runs in a worker before its script (`node --require`): gives its servers the sockets that the
 * master holds, drains them when the master says so, and ends the worker when the master is gone.
 *
 * Does nothing where the variable is not: in the worker's own children and threads.
 */
'use strict'

const { workerVariable, preloadPath } = require('./preload-paths.cjs')

/** Milliseconds for requests in flight when the master died; a next master wants the port. */
const orphanTimeoutMs = 5000

const settings = process.env[workerVariable]
delete process.env[workerVariable]
if (settings !== undefined && process.send !== undefined) start(JSON.parse(settings))

function start({ id, policy, idleGraceMs }) {
  const { WorkerSockets } = require('./worker-sockets.cjs')
  const sockets = new WorkerSockets({ policy, idleGraceMs, send })
  process[Symbol.for('supervise.worker')] = { id, borrow: (wanted) => sockets.borrow(wanted) }
  forgetPreload()
  sockets.install()
  listen(sockets)
}

/** What the worker itself forks is no worker. */
function forgetPreload() {
  const at = process.execArgv.indexOf(preloadPath)
  if (at > 0) process.execArgv.splice(at - 1, 2)
}

/** Takes our messages out of the program's sight, and leaves it its own. */
function listen(sockets) {
  const { emit } = process
  process.emit = function (event, message, handle) {
    if (event === 'message' && isOurs(message)) {
      hear(sockets, message, handle)
      return true
    }
    if (event === 'disconnect') leave(sockets)
    return Reflect.apply(emit, this, arguments)
  }
  process.on('message', () => {}) // Without a listener the channel is not read.
}

function isOurs(message) {
  if (typeof message !== 'object' || message === null) return false
  return ['socket', 'connection', 'drain', 'ping', 'batch'].includes(message.supervise)
}

function hear(sockets, message, handle) {
  switch (message.supervise) {
    case 'socket':
      sockets.take(message, handle)
      break
    case 'connection':
      sockets.connect(message.key, handle)
      break
    case 'drain':
      sockets.drain(message.timeoutMs).then((cut) => send({ supervise: 'drained', cut }))
      break
    case 'batch':
      for (const one of message.messages) process.emit('message', one)
      break
    default:
      send({ supervise: 'pong' })
  }
}

function leave(sockets) {
  sockets.drain(orphanTimeoutMs).then(() => process.exit(0))
}

function send(message) {
  if (process.connected) process.send(message, undefined, undefined, () => {})
}
