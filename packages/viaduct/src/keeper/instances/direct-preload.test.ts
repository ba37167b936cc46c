/** What Node.js apps load that accept on a port themselves, in real processes, without a keeper. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { BoundSocket, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { makeKey, makeSelfSigned, renderKey } from '../../certs/x509/make-certificate.ts'
import { askDirect, bindControl } from './direct-control.ts'

const preload = fileURLToPath(new URL('../../../bin/direct-preload.cjs', import.meta.url))
const answer = `(request, response) => response.end('hello')`

interface DirectApp extends AsyncDisposable {
  readonly dir: string
  readonly publicPort: number
  readonly child: ChildProcess
  readonly output: () => string
}

/** Starts an app that has called `listen` when this resolves, as far as it does. */
async function startApp(code: string, name = 'app.js'): Promise<DirectApp> {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-direct-'))
  await writeFile(join(dir, name), code)
  const socket = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const free = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const control = await bindControl(dir)
  const publicPort = socket.address().port
  const port = free.address().port
  free.close()
  const child = spawn(process.execPath, [join(dir, name)], {
    stdio: ['ignore', 'pipe', 'inherit', socket.fd(), control.fd()],
    env: {
      PATH: process.env.PATH,
      PORT: String(port),
      NODE_OPTIONS: `--require ${JSON.stringify(preload)} --no-deprecation`,
      VIADUCT_DIRECT: '1',
    },
  })
  socket.close()
  control.close()
  const { stdout } = child
  assert.ok(stdout)
  let text = ''
  stdout.on('data', (chunk) => (text += String(chunk)))
  while (!text.includes('listening')) await once(stdout, 'data')
  return {
    ...{ dir, publicPort, child, output: () => text },
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      await rm(dir, { recursive: true })
    },
  }
}

function ask(
  port: number,
  agent: Agent,
): Promise<{ body: string; connection: string | undefined }> {
  return new Promise((resolve, reject) => {
    const options = { port, agent, rejectUnauthorized: false }
    const send = agent instanceof TlsAgent ? tlsRequest : request
    const outgoing = send({ ...options, host: '127.0.0.1' }, (incoming) => {
      let body = ''
      incoming.on('data', (chunk) => (body += String(chunk)))
      incoming.on('end', () => resolve({ body, connection: incoming.headers.connection }))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}

function refusal(port: number): Promise<string> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.on('connect', () => resolve('connected'))
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? ''))
    socket.unref()
  })
}

const listens = `listen(process.env.PORT, '127.0.0.1', () => console.log('listening'))`
const key = makeKey()
const times = { notBefore: Date.now() - 60_000, notAfter: Date.now() + 3_600_000 }
const tls = { cert: makeSelfSigned({ key, names: ['localhost'], ...times }), key: renderKey(key) }
const servers: Record<string, { code: string; name?: string; agent?: Agent }> = {
  'node:http': { code: `require('http').createServer(${answer}).${listens}` },
  'a number in options': {
    code: `require('http').createServer(${answer})
      .listen({ port: Number(process.env.PORT) }, () => console.log('listening'))`,
  },
  'node:https': {
    code: `require('https').createServer(${JSON.stringify(tls)}, ${answer})
      .${listens}`,
    agent: new TlsAgent({ keepAlive: true, maxSockets: 1 }),
  },
  'fastify, as a module': {
    code: `import fastify from ${JSON.stringify(import.meta.resolve('fastify'))}
      const app = fastify()
      app.get('/', () => 'hello')
      await app.listen({ port: Number(process.env.PORT) })
      console.log('listening')`,
    name: 'app.mjs',
  },
}

for (const [what, { code, name, agent: own }] of Object.entries(servers)) {
  test(`${what}: nobody is served before the word, nobody is cut after it`, async () => {
    await using app = await startApp(code, name)
    const { dir, publicPort } = app
    assert.equal(await refusal(publicPort), 'ECONNREFUSED')
    const before = await askDirect(dir, 'state', 5_000)
    assert.deepEqual(before, { listens: true, accepts: false, open: 0 })
    assert.equal((await askDirect(dir, 'accept', 5_000))?.accepts, true)
    const agent = own ?? new Agent({ keepAlive: true, maxSockets: 1 })
    assert.equal((await ask(publicPort, agent)).connection, 'keep-alive')
    assert.equal((await askDirect(dir, 'state', 5_000))?.open, 1)

    const left = askDirect(dir, 'leave', 10_000)
    while ((await askDirect(dir, 'state', 5_000))?.accepts) await sleep(5)
    assert.deepEqual(await ask(publicPort, agent), { body: 'hello', connection: 'close' })
    assert.deepEqual(await left, { listens: true, accepts: false, open: 0 })
    agent.destroy()
  })
}

test('leaving ends idle connections, waits for requests, and leaves what is not HTTP alone', async () => {
  const slow = `let held; require('http').createServer((request, response) => {
    if (request.url === '/') return held = response
    held?.end('at last'); response.end()
  }).${listens}`
  await using app = await startApp(slow)
  await askDirect(app.dir, 'accept', 5_000)
  const idle = await open(app.publicPort)
  idle.write('GET /first HTTP/1.1\r\nHost: a\r\n\r\n')
  await once(idle, 'data')
  const agent = new Agent({ keepAlive: true })
  const asked = ask(app.publicPort, agent)
  const closed = once(idle, 'close')
  assert.equal(await askDirect(app.dir, 'leave', 200), null, 'time is up')
  await closed
  assert.equal((await askDirect(app.dir, 'state', 5_000))?.open, 1)
  await fetch(`http://127.0.0.1:${await privatePort(app)}/go`)
  assert.deepEqual(await asked, { body: 'at last', connection: 'close' })
  agent.destroy()

  const echo = `require('net').createServer((socket) => socket.pipe(socket)).${listens}`
  await using raw = await startApp(echo)
  await askDirect(raw.dir, 'accept', 5_000)
  const line = await open(raw.publicPort)
  assert.equal(await askDirect(raw.dir, 'leave', 1_500), null)
  line.write('still here')
  assert.equal(String(await once(line, 'data')), 'still here')
  const left = askDirect(raw.dir, 'leave', 5_000)
  line.end()
  assert.equal((await left)?.open, 0)
})

test('a child of the app has neither the socket nor the variables', async () => {
  const child = `require('child_process').spawn(process.execPath, ['-e', \`
      const { VIADUCT_DIRECT, NODE_OPTIONS } = process.env
      let socket
      try { socket = require('fs').readlinkSync('/proc/self/fd/3') } catch {}
      console.log(JSON.stringify([VIADUCT_DIRECT, NODE_OPTIONS, /^socket/.test(socket)]), 'listening')
    \`], { stdio: 'inherit' })`
  await using app = await startApp(child)
  assert.match(app.output(), /^\[null,"--no-deprecation",false\]/)
  const state = await askDirect(app.dir, 'accept', 5_000)
  assert.notEqual(state?.accepts, true)
})

async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  return socket
}

async function privatePort({ child }: DirectApp): Promise<number> {
  const env = await readFile(`/proc/${child.pid}/environ`, 'utf8')
  return Number(/(?:^|\0)PORT=(\d+)/.exec(env)?.[1])
}
