/** What Node.js apps load that accept on a port themselves, in real processes, without a keeper. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { Agent, request } from 'node:http'
import { Agent as TlsAgent, request as tlsRequest } from 'node:https'
import { BoundSocket, connect, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
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
async function startApp(
  code: string,
  name = 'app.js',
  files: Readonly<Record<string, string>> = {},
): Promise<DirectApp> {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-direct-'))
  const all = Object.entries({ ...files, [name]: code })
  await Promise.all(all.map(([file, text]) => writeFile(join(dir, file), text)))
  const socket = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const free = new BoundSocket({ host: '127.0.0.1', port: 0 })
  const control = await bindControl(dir)
  const publicPort = socket.address().port
  const port = free.address().port
  free.close()
  const child = spawn(process.execPath, [join(dir, name)], {
    cwd: dir,
    stdio: ['ignore', 'pipe', 'inherit', socket.fd(), control.fd()],
    detached: true,
    env: {
      PATH: `${dirname(process.execPath)}:${process.env.PATH}`,
      ...{ npm_config_cache: dir, npm_config_update_notifier: 'false' },
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
      process.kill(-(child.pid ?? 0), 'SIGKILL') // With what it has started.
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

const report = `const { VIADUCT_DIRECT, NODE_OPTIONS } = process.env
  const links = require('fs').readdirSync('/proc/self/fd').filter((fd) => fd > 2).map((fd) => {
    try { return require('fs').readlinkSync('/proc/self/fd/' + fd) } catch { return '' }
  })
  const sockets = links.filter((link) => link.startsWith('socket'))
  console.log(JSON.stringify([VIADUCT_DIRECT, NODE_OPTIONS, sockets.length]))`

test('a child of an app that listens has neither the sockets nor the variables', async () => {
  const code = `require('http').createServer(${answer}).listen(process.env.PORT, '127.0.0.1', () => {
    const options = { stdio: ['ignore', 'inherit', 'inherit'] }
    const child = require('child_process').spawn(process.execPath, ['-e', ${JSON.stringify(report)}], options)
    child.on('exit', () => console.log('listening'))
  })`
  await using app = await startApp(code)
  assert.match(app.output(), /^\[null,"--no-deprecation",0\]/)
})

const behind = (how: string) => `require('child_process').${how}`
const launchers: Record<string, { code: string; files?: Readonly<Record<string, string>> }> = {
  'npm start': {
    code: behind(`spawn('npm', ['start'], { stdio: 'inherit' })`),
    files: { 'package.json': JSON.stringify({ scripts: { start: 'node server.js' } }) },
  },
  'sh -c, and a script before': {
    code: behind(`exec('node -e 0 && FOO=1 node server.js').stdout.pipe(process.stdout)`),
  },
  'a fork with its channel': { code: behind(`fork('./server.js')`) },
}
const hello = `require('http').createServer(${answer}).${listens}`

for (const [what, { code, files = {} }] of Object.entries(launchers)) {
  test(`${what}: the server behind it accepts, leaves and says how many there are`, async () => {
    await using app = await startApp(code, 'app.js', { 'server.js': hello, ...files })
    const before = { listens: true, accepts: false, open: 0 }
    assert.deepEqual(await askDirect(app.dir, 'state', 5_000), before)
    assert.equal((await askDirect(app.dir, 'accept', 5_000))?.accepts, true)
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    assert.equal((await ask(app.publicPort, agent)).body, 'hello')
    const left = askDirect(app.dir, 'leave', 10_000)
    while ((await askDirect(app.dir, 'state', 5_000))?.accepts) await sleep(5)
    assert.deepEqual(await ask(app.publicPort, agent), { body: 'hello', connection: 'close' })
    assert.deepEqual(await left, before)
    agent.destroy()
  })
}

const primary = (policy: string) => `const cluster = require('cluster')
  cluster.schedulingPolicy = cluster.${policy}
  if (cluster.isPrimary) {
    const fork = () => { for (let i = 0; i < 2; i++) cluster.fork() }
    let ready = 0
    let gone = 0
    cluster.on('message', (worker, message) => console.log('saw', JSON.stringify(message)))
    cluster.on('listening', () => ++ready === 2 && console.log('listening'))
    cluster.on('exit', () => { console.log('gone' + ++gone); if (gone === 2) fork() })
    fork()
  } else {
    process.on('message', (message) => console.log('saw', JSON.stringify(message)))
    require('http').createServer((request, response) => {
      if (request.url === '/die') process.exit()
      response.end('hello')
    }).listen(process.env.PORT, '127.0.0.1')
  }`

test('cluster: the workers of a primary serve, come back, and leave without a cut', async () => {
  await using app = await startApp(primary('SCHED_RR'))
  const { dir, publicPort } = app
  assert.equal((await askDirect(dir, 'accept', 5_000))?.accepts, true)
  for (const gone of ['gone1', 'gone2']) {
    await assert.rejects(fetch(`http://127.0.0.1:${publicPort}/die`))
    while (!app.output().includes(gone)) await sleep(5)
  }
  assert.equal((await ask(publicPort, new Agent())).body, 'hello', 'it waited for a worker')
  const clients = await Promise.all(Array.from({ length: 4 }, () => open(publicPort)))
  for (const client of clients) client.write('GET / HTTP/1.1\r\nHost: a\r\n')
  assert.equal((await ask(publicPort, new Agent())).body, 'hello', 'the others came before')
  let isDone = false
  const left = askDirect(dir, 'leave', 20_000).finally(() => (isDone = true))
  while ((await askDirect(dir, 'state', 5_000))?.open !== clients.length) await sleep(5)
  assert.deepEqual([await refusal(publicPort), isDone], ['ECONNREFUSED', false])
  for (const client of clients) {
    client.write('\r\n')
    assert.match(String((await once(client, 'data'))[0]), /Connection: close\r\n/)
  }
  assert.deepEqual(await left, { listens: true, accepts: false, open: 0 })
  assert.doesNotMatch(app.output(), /saw/)
})

test('cluster that shares its socket itself, and a server of a thread, cannot be told', async () => {
  await using app = await startApp(primary('SCHED_NONE'))
  assert.equal(await askDirect(app.dir, 'state', 5_000), null)
  const thread = `new (require('worker_threads').Worker)(${JSON.stringify(hello)}, { eval: true })`
  await using other = await startApp(thread)
  assert.equal(await askDirect(other.dir, 'state', 5_000), null)
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
