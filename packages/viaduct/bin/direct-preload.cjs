/**
 * Lets a Node.js app accept on its public port itself, with no change of its code: loaded by
 * `--require` before the app, in whatever Node.js from 18 on the app runs on. No dependencies.
 *
 * The app listens on its private PORT as ever, where it is probed. When the platform says `accept`,
 * its server gets the connections of the public socket (descriptor 3) too; at `leave` it takes no
 * more, says `Connection: close` in each answer, and closes what is idle. The platform asks on a
 * unix socket (descriptor 4): one line of JSON, one line back.
 */
'use strict'
const { ServerResponse } = require('node:http')
const net = require('node:net')
const { isMainThread } = require('node:worker_threads')

const publicFd = 3
const controlFd = 4
const backlog = 4096
/** A connection that is idle when the app leaves gets this long for one more request. */
const idleMs = 1000

const { listen, close } = net.Server.prototype
const { writeHead } = ServerResponse.prototype
const privatePort = process.env.PORT
/** The app's own server: the first one that listens on PORT. */
let app = null
/** Accepts on the public socket, for the app's server. */
let front = null
let isLeaving = false
/** Of HTTP/2. */
const sessions = new Set()
/** How often it is looked whether the last connection has gone. */
const pollMs = 20

if (isMainThread && process.env.VIADUCT_DIRECT === '1') start()

function start() {
  hideFromChildren()
  net.Server.prototype.listen = function (...options) {
    if (app === null && portIn(options) === privatePort) adopt(this)
    return listen.apply(this, options)
  }
  net.Server.prototype.close = function (...options) {
    if (this === app) stopAccepting()
    return close.apply(this, options)
  }
  const control = net.createServer(answer)
  control.on('error', () => undefined) // The platform finds nobody, and says so.
  listen.call(control, { fd: controlFd })
  control.unref()
}

/** A child has neither the sockets nor a reason to look for them. */
function hideFromChildren() {
  delete process.env.VIADUCT_DIRECT
  const rest = (process.env.NODE_OPTIONS ?? '').replace(
    /--require "[^"]*direct-preload\.cjs" ?/,
    '',
  )
  if (rest === '') delete process.env.NODE_OPTIONS
  else process.env.NODE_OPTIONS = rest
}

function portIn([first]) {
  if (typeof first === 'object' && first !== null) return String(first.port)
  return String(first)
}

function adopt(server) {
  app = server
  server.once('error', () => {
    if (!server.listening) app = null // In use: the app tries again, or another one.
  })
  server.on('session', (session) => {
    sessions.add(session)
    session.once('close', () => sessions.delete(session))
  })
}

function accept() {
  if (front !== null || isLeaving || !app?.listening) return
  front = net.createServer()
  listen.call(front, { fd: publicFd }, backlog)
  // The app's server makes the connection, so its options, limits and counts hold for it. This
  // reads what Node.js does not document; every version since 0.12 has it.
  front._handle.onconnection = (error, client) => app._handle.onconnection(error, client)
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
  if (app === null) return say(socket, 0)
  app.getConnections((_error, open = 0) => {
    if (!whenEmpty || open === 0) say(socket, open)
    else if (!socket.destroyed) setTimeout(() => tell(socket, true), pollMs)
  })
}

function say(socket, open) {
  const listens = app !== null && app.listening
  socket.end(`${JSON.stringify({ listens, accepts: front !== null, open })}\n`)
}
