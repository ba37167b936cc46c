/**
 * The servers of one worker: `listen(port)` asks the master for the socket, so that all workers
 * share it. Sockets that cannot be shared (a path, `exclusive`, a descriptor) are left alone.
 *
 * With policy `none` a server gets the listening socket itself; with `rr` it gets connections, and
 * only looks as if it listened.
 */
'use strict'

const net = require('node:net')
const { ServerDrain } = require('./server-drain.cjs')

class WorkerSockets {
  #send
  #idleGraceMs
  #listen = net.Server.prototype.listen
  #seq = 0
  #anyPorts = 0
  /** seq → what waits for the master's answer. */
  #asked = new Map()
  /** Server → its drain. */
  #drains = new Map()
  /** Key of the master's → the servers that get its connections. */
  #byKey = new Map()
  #draining = null

  constructor({ idleGraceMs, send }) {
    this.#send = send
    this.#idleGraceMs = idleGraceMs
  }

  install() {
    const sockets = this
    const original = this.#listen
    net.Server.prototype.listen = function (...args) {
      const wanted = sockets.#parse(args)
      if (wanted === null || this.listening) return Reflect.apply(original, this, args)
      sockets.#ask(this, wanted)
      return this
    }
  }

  /** The master's answer to a `listen`. */
  take({ seq, key, error, address }, handle) {
    const asked = this.#asked.get(seq)
    this.#asked.delete(seq)
    if (asked?.lend) return asked.lend({ error, address, handle })
    if (asked === undefined || asked.closed) {
      if (handle) handle.close()
      return
    }
    const { server, backlog } = asked
    if (error) {
      delete server.close
      server.emit('error', Object.assign(new Error(error.message), error))
      return
    }
    this.#drains.set(server, asked.drain)
    if (handle) Reflect.apply(this.#listen, server, [handle, backlog])
    else this.#pretend(server, { key, address })
    server.once('close', () => this.#forget(server, key))
    this.#send({ supervise: 'listening', port: address.port })
  }

  /** For a master in this process: the socket itself, whatever the policy is. */
  borrow({ port, host, ipv6Only }) {
    return new Promise((resolve, reject) => {
      const lend = ({ error, address, handle }) => {
        if (error) reject(Object.assign(new Error(error.message), error))
        else resolve({ address, handle })
      }
      this.#want({ lend }, { port, host, ipv6Only, whole: true })
    })
  }

  /** A connection that the master accepted. */
  connect(key, socket) {
    if (!socket) return // It was gone before it came.
    const server = this.#byKey.get(key)
    if (server === undefined) {
      socket.destroy()
      return
    }
    socket.allowHalfOpen = server.allowHalfOpen ?? false
    if (server.noDelay !== false) socket.setNoDelay(true)
    server.emit('connection', socket)
    if (!server.pauseOnConnect) socket.resume()
  }

  /**
   * No new connections; resolves when the requests are answered, or were cut.
   *
   * @returns How many connections were cut.
   */
  drain(timeoutMs) {
    this.#draining ??= Promise.all(
      [...this.#drains.values()].map((drain) => {
        return drain.run({ timeoutMs, idleGraceMs: this.#idleGraceMs })
      }),
    ).then((counts) => counts.reduce((sum, cut) => sum + cut, 0))
    return this.#draining
  }

  #parse(args) {
    if (!process.connected || this.#draining) return null
    const [first, second, third] = args
    const callback = args.findLast((argument) => typeof argument === 'function')
    const options = typeof first === 'object' && first !== null ? first : null
    if (options === null) {
      const port = first === undefined || first === null || first === callback ? 0 : first
      const host = typeof second === 'string' ? second : null
      const backlog = [second, third].find((argument) => typeof argument === 'number')
      return plain({ port, host, backlog, callback })
    }
    if (options._handle || options.handle || options.fd !== undefined || options.path) return null
    if (options.exclusive || options.reusePort || options.port === undefined) return null
    const { port, host = null, backlog, ipv6Only, signal } = options
    return plain({ port: port ?? 0, host, backlog, ipv6Only, signal, callback })
  }

  #ask(server, { port, host, ipv6Only, backlog, signal, callback }) {
    const drain = ServerDrain.of(server)
    const asked = { server, backlog, drain, closed: false }
    const seq = this.#want(asked, { port, host, ipv6Only: ipv6Only === true, whole: false })
    if (callback) server.once('listening', callback)
    signal?.addEventListener('abort', () => server.close(), { once: true })
    const { close } = server
    server.close = (done) => {
      if (drain.isRunning) drain.whenDone(done)
      else if (this.#asked.has(seq)) this.#withdraw(asked, done)
      else Reflect.apply(close, server, done ? [done] : [])
      return server
    }
  }

  /** @returns The number that the master's answer will have. */
  #want(asked, request) {
    const seq = ++this.#seq
    this.#asked.set(seq, asked)
    const nth = request.port === 0 ? this.#anyPorts++ : 0
    this.#send({ supervise: 'listen', seq, ...request, nth })
    return seq
  }

  /** Closed before the master answered. */
  #withdraw(asked, done) {
    asked.closed = true
    if (done) asked.server.once('close', () => done())
    process.nextTick(() => asked.server.emit('close'))
  }

  /** Makes a server that never listens look as if it did. */
  #pretend(server, { key, address }) {
    this.#byKey.set(key, server)
    let open = true
    Object.defineProperty(server, 'listening', { configurable: true, get: () => open })
    server.address = () => (open ? address : null)
    const drain = this.#drains.get(server)
    const stopListening = () => {
      if (!open) return
      open = false
      this.#byKey.delete(key)
      this.#send({ supervise: 'closed', key })
    }
    drain.replaceClose(stopListening)
    server.close = (done) => {
      if (drain.isRunning) drain.whenDone(done)
      else {
        if (done) server.once('close', () => done())
        stopListening()
        server.closeIdleConnections?.()
        drain.emitCloseWhenEmpty()
      }
      return server
    }
    process.nextTick(() => server.emit('listening'))
  }

  #forget(server, key) {
    this.#byKey.delete(key)
    if (this.#draining) return // The program may call `close` when it is told to stop.
    this.#drains.delete(server)
    delete server.close
    delete server.address
    delete server.listening
  }
}

/** @returns null for what `listen` itself has to refuse. */
function plain(wanted) {
  const port = Number(wanted.port)
  const isNumber = typeof wanted.port === 'number' || /^\d+$/.test(String(wanted.port))
  if (!isNumber || !Number.isInteger(port) || port < 0 || port > 65535) return null
  const host = wanted.host === undefined || wanted.host === '' ? null : wanted.host
  return { ...wanted, port, host }
}

module.exports = { WorkerSockets }
