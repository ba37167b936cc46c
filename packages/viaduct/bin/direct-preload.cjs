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
const net = require('node:net')
const { isMainThread } = require('node:worker_threads')

const publicFd = 3
const controlFd = 4
const backlog = 4096
/** A connection that is idle when the app leaves gets this long for one more request. */
const idleMs = 1000

const { listen, close } = net.Server.prototype
const privatePort = process.env.PORT
/** The app's own server: the first one that listens on PORT. */
let app = null
/** Accepts on the public socket, for the app's server. */
let front = null
let isLeaving = false
/** A public connection is being handed over: its event comes within the same call. */
let isArriving = false
/** Public connections that are open. */
const clients = new Set()
/** Of these, what answers are written to: the connection itself, or the TLS within. */
const speakers = new Set()
const sessions = new Set()
/** Called when the last public connection has gone. */
const whenEmpty = []

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
  server.on('connection', (socket) => {
    if (!isArriving) return
    note(clients, socket)
    note(speakers, socket)
    socket.once('close', tellWhenEmpty)
  })
  server.on('secureConnection', (socket) => {
    if (socket.localPort !== Number(privatePort)) note(speakers, socket)
  })
  server.on('session', (session) => note(sessions, session))
}

function note(set, one) {
  set.add(one)
  one.once('close', () => set.delete(one))
}

function accept() {
  if (front !== null || isLeaving || !app?.listening) return
  front = net.createServer()
  listen.call(front, { fd: publicFd }, backlog)
  // The app's server makes the connection, so its options, limits and counts hold for it. This
  // reads what Node.js does not document; every version since 0.12 has it.
  front._handle.onconnection = (error, client) => {
    isArriving = true
    try {
      app._handle.onconnection(error, client)
    } finally {
      isArriving = false
    }
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
  app.prependListener('request', (_request, response) => makeLast(response))
  const idle = []
  for (const socket of speakers) {
    if (socket._httpMessage) makeLast(socket._httpMessage)
    else idle.push([socket, socket.bytesRead])
  }
  for (const session of sessions) session.close()
  // What is answered from now on and yet stays open waits no longer than the others.
  if (app.keepAliveTimeout === undefined) return // It speaks another protocol: idle means nothing.
  if (app.keepAliveTimeout === 0) app.keepAliveTimeout = idleMs
  app.keepAliveTimeout = Math.min(app.keepAliveTimeout, idleMs)
  setTimeout(() => closeIdle(idle), idleMs).unref()
}

function makeLast(response) {
  if (!response.headersSent) response.shouldKeepAlive = false
}

function closeIdle(idle) {
  for (const [socket, bytesRead] of idle) {
    if (socket._httpMessage || socket.bytesRead !== bytesRead) continue
    socket.end()
    setTimeout(() => socket.destroy(), idleMs).unref()
  }
}

function tellWhenEmpty() {
  if (clients.size > 0) return
  for (const tell of whenEmpty.splice(0)) tell()
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
  const tell = () => {
    const listens = app !== null && app.listening
    const state = { listens, accepts: front !== null, open: clients.size }
    socket.end(`${JSON.stringify(state)}\n`)
  }
  if (ask === 'accept') accept()
  if (ask === 'leave') leave()
  if (ask === 'leave' && clients.size > 0) whenEmpty.push(tell)
  else tell()
}
