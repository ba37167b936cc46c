/**
 * Ends a server so that no client loses a request: stops accepting, answers what comes over the
 * connections that are there with `Connection: close` (HTTP/2: GOAWAY), ends idle ones without a
 * reset, and cuts what is left when the time is up.
 *
 * Node's own `close` ends every idle keep-alive connection at once, also those on which the next
 * request is just arriving: measured, about one reset per connection. CommonJS, because the
 * preload needs it; `graceful-server.ts` is its public face.
 */
'use strict'

const http = require('node:http')
const https = require('node:https')
const net = require('node:net')

/** How often open connections are looked at. */
const lookMs = 20
/** A request that is arriving slowly has this many times the grace of an idle connection. */
const arrivingFactor = 10
const drainsKey = Symbol.for('supervise.drains')
const goAwayStreamMax = 2 ** 31 - 1

class ServerDrain {
  #server
  #isHttp
  /** Socket → what is known of it. */
  #connections = new Map()
  #sessions = new Set()
  #running = null
  #done = null
  #closeSocket
  #emitsClose = false
  #whenDone = []
  #finished = false
  #began = 0
  #idleGraceMs = 0
  #hooked = new Set()

  /** The one drain of a server: the preload and the program may both want it. */
  static of(server) {
    const all = (globalThis[drainsKey] ??= new WeakMap())
    if (!all.has(server)) all.set(server, new ServerDrain(server))
    return all.get(server)
  }

  /** Before the server's first connection: what it never saw it cannot end. */
  constructor(server) {
    this.#server = server
    this.#isHttp = server instanceof http.Server || server instanceof https.Server
    this.#closeSocket = () => this.#stopListening()
    server.prependListener('connection', (socket) => this.#add(socket, this.#isHttp))
    server.prependListener('secureConnection', (socket) => this.#addSecure(socket))
    server.prependListener('session', (session) => this.#addSession(session))
    server.prependListener('request', (request, response) => this.#claim(request, response))
    server.on('newListener', (name) => this.#hook(name))
    for (const name of server.eventNames()) this.#hook(name)
  }

  get isRunning() {
    return this.#running !== null
  }

  /** For a server that has no socket of its own. */
  replaceClose(closeSocket) {
    this.#closeSocket = closeSocket
    this.#emitsClose = true
  }

  /**
   * Idempotent.
   *
   * @returns A promise of how many connections were cut when `timeoutMs` was over.
   */
  run({ timeoutMs, idleGraceMs }) {
    this.#running ??= this.#run(timeoutMs, idleGraceMs)
    return this.#running
  }

  whenDone(callback) {
    if (typeof callback === 'function') this.#whenDone.push(callback)
    if (this.#finished) this.#callBack()
  }

  #callBack() {
    for (const callback of this.#whenDone.splice(0)) callback()
  }

  /** As a listening server does after `close`. */
  emitCloseWhenEmpty() {
    const look = () => {
      if (this.#connections.size === 0) this.#server.emit('close')
      else setTimeout(look, lookMs)
    }
    process.nextTick(look)
  }

  async #run(timeoutMs, idleGraceMs) {
    this.#began = performance.now()
    this.#idleGraceMs = idleGraceMs
    this.#closeSocket()
    for (const { responses } of this.#connections.values()) responses.forEach(sayClose)
    for (const session of this.#sessions) this.#goAway(session)
    await this.#emptied(timeoutMs)
    const cut = this.#connections.size
    for (const socket of this.#connections.keys()) socket.destroy()
    if (this.#emitsClose) this.#server.emit('close')
    this.#finished = true
    process.nextTick(() => this.#callBack())
    return cut
  }

  /** Not `server.close()` alone: that would end the idle connections. */
  #stopListening() {
    const server = this.#server
    if (!server.listening) return
    server.closeIdleConnections = () => {}
    const close = this.#isHttp ? Object.getPrototypeOf(server).close : net.Server.prototype.close
    Reflect.apply(close, server, [])
    delete server.closeIdleConnections
  }

  #emptied(timeoutMs) {
    return new Promise((resolve) => {
      this.#done = () => {
        clearInterval(look)
        clearTimeout(limit)
        resolve()
      }
      const look = setInterval(() => this.#endIdle(), lookMs)
      const limit = setTimeout(() => this.#done(), timeoutMs)
      if (this.#connections.size === 0) this.#done()
    })
  }

  #add(socket, isHttp) {
    const known = {
      isHttp,
      tunnel: false,
      responses: new Set(),
      arrived: socket.bytesRead,
      afterAnswer: 0,
      quietSince: performance.now(),
      ended: 0,
    }
    this.#connections.set(socket, known)
    socket.once('close', () => {
      this.#connections.delete(socket)
      if (this.#connections.size === 0) this.#done?.()
    })
  }

  /** The TCP socket below was seen first; what can be ended without harm is the one above. */
  #addSecure(socket) {
    const below = this.#find(socket)
    if (below) this.#connections.get(below).tunnel = true
    this.#add(socket, this.#isHttp)
  }

  #addSession(session) {
    const below = this.#find(session.socket)
    if (below) this.#connections.get(below).isHttp = false
    this.#sessions.add(session)
    session.once('close', () => this.#sessions.delete(session))
    if (this.#running) this.#goAway(session)
  }

  /** By the other end: there is no public way from a TLS socket to the one that carries it. */
  #find({ remoteAddress, remotePort }) {
    const sockets = [...this.#connections.keys()].reverse()
    return sockets.find((one) => {
      return one.remotePort === remotePort && one.remoteAddress === remoteAddress
    })
  }

  #claim(request, response) {
    if (request.httpVersionMajor !== 1) return
    const known = this.#connections.get(request.socket)
    if (!known || known.responses.has(response)) return
    known.isHttp = true
    known.responses.add(response)
    response.once('close', () => {
      known.responses.delete(response)
      known.afterAnswer = request.socket.bytesRead
      known.arrived = known.afterAnswer
      known.quietSince = performance.now()
    })
    if (this.#running) sayClose(response)
  }

  /** These take a request away from `request`; a listener without need would change that. */
  #hook(name) {
    if (this.#hooked.has(name)) return
    if (name === 'checkContinue' || name === 'checkExpectation') {
      this.#hooked.add(name)
      this.#server.prependListener(name, (request, response) => this.#claim(request, response))
    }
    if (name === 'upgrade' || name === 'connect') {
      this.#hooked.add(name)
      this.#server.prependListener(name, ({ socket }) => {
        const known = this.#connections.get(socket)
        if (known) known.tunnel = true
      })
    }
  }

  /** All that is on its way still comes: first a notice, and when it has arrived the end. */
  #goAway(session) {
    if (session.destroyed || session.closed) return
    session.goaway(0, goAwayStreamMax)
    const close = () => {
      if (!session.destroyed && !session.closed) session.close()
    }
    if (!session.ping(close)) close()
  }

  #endIdle() {
    const idle = [...this.#connections].filter((entry) => this.#isIdle(...entry))
    if (idle.length === 0) return
    // A request may lie in the kernel, unread: give the loop one turn to see it.
    setImmediate(() => {
      for (const [socket, known] of idle) {
        if (this.#connections.has(socket) && this.#isIdle(socket, known)) endGently(socket, known)
      }
    })
  }

  #isIdle(socket, known) {
    if (!known.isHttp || known.tunnel || known.responses.size > 0) return false
    const now = performance.now()
    if (socket.bytesRead !== known.arrived) {
      known.arrived = socket.bytesRead
      known.quietSince = now
    }
    const arriving = known.arrived !== known.afterAnswer
    const grace = this.#idleGraceMs * (arriving ? arrivingFactor : 1)
    return now - Math.max(known.quietSince, this.#began, known.ended) >= grace
  }
}

/** First our end; a client that does not answer with its own is dropped a while later. */
function endGently(socket, known) {
  if (known.ended > 0) socket.destroy()
  else socket.end()
  known.ended = performance.now()
}

function sayClose(response) {
  if (!response.headersSent) response.setHeader('Connection', 'close')
}

module.exports = { ServerDrain }
