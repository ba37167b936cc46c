/**
 * Lets a Node.js app accept on its public port itself, with no change of its code: loaded by
 * `--require` before the app, in whatever Node.js from 18 on the app runs on. No dependencies.
 *
 * The app listens on its private PORT as ever, where it is probed. When the platform says `accept`,
 * its server gets the connections of the public socket too; at `leave` it takes no more, says
 * `Connection: close` in each answer, and closes what is idle. The platform asks on a unix socket:
 * one line of JSON, one line back.
 *
 * The server may be a child's, as with `npm start`: until one listens on PORT, each child gets the
 * two sockets and this file. Of `cluster` the primary listens, and tells its workers to leave.
 */
'use strict'
const { ChildProcess } = require('node:child_process')
const { ServerResponse } = require('node:http')
const net = require('node:net')
const { isMainThread } = require('node:worker_threads')

const backlog = 4096
/** A connection that is idle when the app leaves gets this long for one more request. */
const idleMs = 1000
/** How often it is looked whether the last connection has gone. */
const pollMs = 20
/** Between the primary and a worker. Such a `cmd` is out of the app's sight. */
const leaveMessage = { cmd: 'NODE_VIADUCT_LEAVE' }
const openMessage = 'NODE_VIADUCT_OPEN'
/** `VIADUCT_DIRECT` in a worker of `cluster`; else it is the two descriptors, or 1: 3 and 4. */
const workerRole = 'worker'

const { listen, close } = net.Server.prototype
const { writeHead } = ServerResponse.prototype
const { spawn } = ChildProcess.prototype
const privatePort = process.env.PORT
const role = process.env.VIADUCT_DIRECT
const [publicFd, controlFd] = role === '1' ? [3, 4] : String(role).split(',').map(Number)
/** The app's own server: the first one that listens on PORT. */
let app = null
/** What it accepts by: a primary takes it from its server. */
let handle = null
/** Accepts on the public socket, for the app's server. */
let front = null
let control = null
let isLeaving = false
/** Connections that came while no worker was there. */
const waiting = []
/** Of HTTP/2. */
const sessions = new Set()
/** Open connections of workers that leave, by worker. */
const openIn = new Map()

if (isMainThread && role !== undefined) start()

function start() {
  hideFromChildren()
  net.Server.prototype.listen = function (...options) {
    if (!listens() && portIn(options) === privatePort) adopt(this)
    return listen.apply(this, options)
  }
  net.Server.prototype.close = function (...options) {
    if (this === app) stopAccepting()
    return close.apply(this, options)
  }
  if (role === workerRole) return void process.on('internalMessage', hearPrimary)
  ChildProcess.prototype.spawn = function (options) {
    return spawn.call(this, passOn(options))
  }
}

/** A child has neither the sockets nor a reason to look for them, unless it is given both. */
function hideFromChildren() {
  delete process.env.VIADUCT_DIRECT
  const rest = (process.env.NODE_OPTIONS ?? '').replace(
    /--require "[^"]*direct-preload\.cjs" ?/,
    '',
  )
  if (rest === '') delete process.env.NODE_OPTIONS
  else process.env.NODE_OPTIONS = rest
}

/** @param options As Node.js has them just before it starts a child. */
function passOn(options) {
  const pairs = options.envPairs ?? []
  if (pairs.some((pair) => pair.startsWith('NODE_UNIQUE_ID='))) {
    return { ...options, envPairs: withPreload(pairs, workerRole) }
  }
  if (app !== null) return options
  const { stdio = 'pipe' } = options
  const all = typeof stdio === 'string' ? [stdio, stdio, stdio] : [...stdio]
  while (all.length < 3) all.push(undefined)
  const envPairs = withPreload(pairs, `${all.length},${all.length + 1}`)
  return { ...options, envPairs, stdio: [...all, publicFd, controlFd] }
}

function withPreload(pairs, direct) {
  const name = 'NODE_OPTIONS='
  const own = pairs.find((pair) => pair.startsWith(name))?.slice(name.length)
  const others = pairs.filter((pair) => !pair.startsWith(name))
  const options = `${name}--require ${JSON.stringify(__filename)}${own ? ` ${own}` : ''}`
  return [...others, options, `VIADUCT_DIRECT=${direct}`]
}

function portIn([first]) {
  if (typeof first === 'object' && first !== null) return String(first.port)
  return String(first)
}

function listens() {
  return handle !== null && handle.fd !== undefined ? handle.fd >= 0 : app?.listening === true
}

function adopt(server) {
  app = server
  // Before PORT is open: whoever sees it open may ask at once.
  if (role !== workerRole) openControl()
  server.once('listening', () => {
    // A primary takes it away from its server just after this.
    handle = server._handle
    process.nextTick(() => {
      for (const one of waiting.splice(0)) handle.onconnection(...one)
    })
  })
  server.once('error', () => {
    if (!server.listening) app = null // In use: the app tries again, or another one.
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
}

function openControl() {
  if (control !== null) return
  control = net.createServer(answer)
  control.on('error', () => undefined) // The platform finds nobody, and says so.
  listen.call(control, { fd: controlFd, exclusive: true })
  control.unref()
}

function accept() {
  if (front !== null || isLeaving || !listens()) return
  front = net.createServer()
  listen.call(front, { fd: publicFd, exclusive: true }, backlog)
  // The app's server makes the connection, so its options, limits and counts hold for it. This
  // reads what Node.js does not document; every version since 0.12 has it.
  front._handle.onconnection = (...one) => {
    if (listens()) handle.onconnection(...one)
    else waiting.push(one)
  }
}

function stopAccepting() {
  if (front !== null) close.call(front)
  front = null
  isLeaving = true
}

function leave() {
  if (isLeaving && front === null) return
  stopAccepting()
  if (app === null) return
  const { workers = {} } = require('node:cluster')
  for (const worker of Object.values(workers)) askToLeave(worker)
  // Also of requests that are being answered now: every head goes through this.
  ServerResponse.prototype.writeHead = function (...options) {
    this.shouldKeepAlive = false
    return writeHead.apply(this, options)
  }
  for (const session of sessions) session.close()
  if (app.keepAliveTimeout === undefined) return // It speaks another protocol: idle means nothing.
  // An answer that was begun before leaves its connection open: for one more request, or so long.
  if (app.keepAliveTimeout === 0) app.keepAliveTimeout = idleMs
  app.keepAliveTimeout = Math.min(app.keepAliveTimeout, idleMs)
  setTimeout(() => app.closeIdleConnections?.(), idleMs).unref()
}

/** In a primary. A worker that is gone has no connections. */
function askToLeave(worker) {
  openIn.set(worker, 1)
  worker.process.on('internalMessage', ({ cmd, open }) => {
    if (cmd === openMessage && openIn.has(worker)) openIn.set(worker, open)
  })
  worker.once('exit', () => openIn.delete(worker))
  worker.process.send(leaveMessage, () => undefined)
}

/** In a worker. */
function hearPrimary({ cmd }) {
  if (cmd !== leaveMessage.cmd) return
  leave()
  tellPrimary(-1)
}

/** @param told What it knows. */
function tellPrimary(told) {
  if (!process.connected) return
  countOpen((open) => {
    if (open !== told) process.send({ cmd: openMessage, open }, () => undefined)
    setTimeout(() => tellPrimary(open), pollMs).unref()
  })
}

function answer(socket) {
  socket.unref()
  socket.on('error', () => socket.destroy())
  socket.setEncoding('utf8')
  let text = ''
  socket.on('data', (chunk) => {
    text += chunk
    if (text.includes('\n')) reply(socket, JSON.parse(text).ask)
  })
}

function reply(socket, ask) {
  if (ask === 'accept') accept()
  if (ask === 'leave') leave()
  tell(socket, ask === 'leave')
}

/** @param whenEmpty Not before the last connection is closed. */
function tell(socket, whenEmpty) {
  countOpen((open) => {
    if (!whenEmpty || open === 0) say(socket, open)
    else if (!socket.destroyed) setTimeout(() => tell(socket, true), pollMs)
  })
}

function countOpen(done) {
  let inWorkers = 0
  for (const open of openIn.values()) inWorkers += open
  if (app === null) done(inWorkers)
  else app.getConnections((_error, open = 0) => done(open + inWorkers))
}

function say(socket, open) {
  socket.end(`${JSON.stringify({ listens: listens(), accepts: front !== null, open })}\n`)
}
