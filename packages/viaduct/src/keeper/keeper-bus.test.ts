import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { lstatSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { freePort } from '../../../supervise/src/fixtures/test-master.ts'
import { busConnectionsMax, busLineMaxBytes } from '../model/limits.ts'
import { TestKeeper, testUid, until } from './fixtures/test-keeper.ts'
import { readProcess } from './process-facts.ts'

const busApp = fileURLToPath(new URL('./fixtures/bus-app.ts', import.meta.url))
const started = { event: 'status-changed', payload: 3 }

test('an app with the message bus says started, and ends when it is told', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('bus', `node ${busApp}`, { ipc: true })
  await until(() => hasStarted(keeper, 'bus'), 'its message')
  assert.equal(await keeper.client.call('send', { id: 'bus', message: { a: 'ü' } }), true)
  const exit = await keeper.client.call('stop', { id: 'bus', stopTimeoutMs: 20_000 })
  assert.deepEqual([exit.reason, exit.code, exit.signal], ['stopped-by-us', 0, null])
  assert.deepEqual(await keeper.log(), ['{"a":"ü"}', 'stop', 'quit'])
})

test('the bus survives the keeper: the app connects to the next one', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('bus', `node ${busApp}`, { ipc: true })
  await until(() => hasStarted(keeper, 'bus'), 'its message')
  const app = await keeper.appOf('bus')
  for (const signal of ['SIGKILL', 'SIGUSR2'] as const) {
    await keeper.down(signal)
    await keeper.up()
    await until(() => hasStarted(keeper, 'bus'), 'its message to the next one')
    assert.equal(await keeper.appOf('bus'), app)
  }
  assert.equal(await keeper.client.call('send', { id: 'bus', message: 'again' }), true)
  await until(async () => (await keeper.log()).includes('"again"'), 'its line')
  await keeper.down('SIGKILL')
  await keeper.up()
  // It may come before the app has connected again.
  const exit = await keeper.client.call('stop', { id: 'bus', stopTimeoutMs: 20_000 })
  assert.deepEqual([exit.code, exit.signal, exit.killed], [0, null, false])
  assert.deepEqual(await keeper.log(), ['"again"', 'stop', 'quit'])
})

test('the Python app of docs/formats.md starts, stops and ends in order', async () => {
  const docs = await readFile(new URL('../../../../docs/formats.md', import.meta.url), 'utf8')
  const program = /```python\n([^]*?)```/.exec(docs)?.[1] ?? ''
  await using keeper = await TestKeeper.start()
  const file = join(keeper.dir, 'app.py')
  await writeFile(file, program)
  const port = await freePort()
  const env = { PATH: '/usr/bin:/bin', HOST: '127.0.0.1', PORT: String(port) }
  await keeper.start('py', `python3 ${file}`, { ipc: true, env })
  await until(() => hasStarted(keeper, 'py'), 'its message')
  assert.equal((await fetch(`http://127.0.0.1:${port}/`)).ok, true)
  await keeper.down('SIGKILL')
  await keeper.up()
  await until(() => hasStarted(keeper, 'py'), 'its message to the next keeper')
  const exit = await keeper.client.call('stop', { id: 'py', stopTimeoutMs: 20_000 })
  assert.deepEqual([exit.code, exit.signal], [0, null], (await keeper.log()).join('\n'))
})

test('that an app has opened its bus is told before what is asked at the same time', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('app', 'exec sleep 60', { ipc: true })
  assert.equal(await saidBy(keeper, 'app'), null)
  process.kill(keeper.pid, 'SIGSTOP')
  await until(() => readProcess(keeper.pid)?.state === 'T', 'the keeper to stand still')
  const asked = keeper.client.call('pids', { id: 'app' })
  const socket = connect(keeper.layout.bus('app')) // Lies in the kernel's queue beside the call.
  process.kill(keeper.pid, 'SIGCONT')
  await asked
  assert.deepEqual(
    keeper.events.filter(({ event }) => event === 'message').map(({ data }) => data),
    [{ id: 'app', message: { event: 'status-changed', payload: 'INITIALIZED' } }],
  )
  socket.destroy()
})

test('only the user of the app may connect', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('mine', 'exec sleep 60', { ipc: true })
  const path = keeper.layout.bus('mine')
  const { mode, uid } = lstatSync(path)
  assert.equal(mode & 0o777, 0o600)
  assert.equal(uid, testUid ?? process.getuid?.())
  if (testUid === null) return // Another user cannot be had.
  assert.equal(await connectAs(testUid, path), 'connected')
  assert.equal(await connectAs(testUid + 1, path), 'EACCES')
})

test('who sends garbage or too much is cut off; the keeper tells, and the app lives', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('app', `node ${busApp}`, { ipc: true })
  await until(() => hasStarted(keeper, 'app'), 'its message')
  const path = keeper.layout.bus('app')
  const word = `${JSON.stringify(started)}\n`
  const wrong = {
    'no JSON': 'hello\n',
    'no message': 'null\n',
    'no UTF-8': Buffer.from([0xff, 0xfe, 0x0a]),
    'too long': 'x'.repeat(busLineMaxBytes + 1),
    'too long, with an end': `"${'x'.repeat(2 * busLineMaxBytes)}"\n`,
    flood: word.repeat(20_000),
  }
  for (const [what, text] of Object.entries(wrong)) {
    const socket = connect(path)
    socket.on('error', () => undefined) // It is cut off in the middle of writing.
    const closed = new Promise((resolve) => socket.on('close', () => resolve(true)))
    socket.write(text)
    socket.resume()
    assert.ok(await Promise.race([closed, neverFor(10_000)]), what)
  }
  const log = await readFile(keeper.layout.platformLog('keeper'), 'utf8')
  assert.equal(log.match(/"bus\.cut-off"/g)?.length, 1, 'one line a minute')
  assert.match(log, /"instance":"app"/)
  const exit = await keeper.client.call('stop', { id: 'app', stopTimeoutMs: 20_000 })
  assert.deepEqual([exit.code, exit.signal], [0, null])
})

test('one connection too many is refused, and the others stay', async () => {
  await using keeper = await TestKeeper.start()
  await keeper.start('app', `node ${busApp}`, { ipc: true })
  await until(() => hasStarted(keeper, 'app'), 'its message')
  const path = keeper.layout.bus('app')
  const sockets: Socket[] = []
  for (let count = 1; count < busConnectionsMax; count++) {
    const socket = connect(path)
    await once(socket, 'connect')
    sockets.push(socket)
  }
  const last = connect(path)
  await once(last.resume(), 'close')
  const heard = once(sockets.at(-1)!, 'data')
  assert.equal(await keeper.client.call('send', { id: 'app', message: 1 }), true)
  assert.equal(String((await heard)[0]), '1\n')
  for (const socket of sockets) socket.destroy()
})

async function saidBy(keeper: TestKeeper, id: string): Promise<unknown> {
  const { processes } = await keeper.client.call('list', null)
  return processes.find((process) => process.id === id)?.said ?? null
}

async function hasStarted(keeper: TestKeeper, id: string): Promise<boolean> {
  const { event, payload } = ((await saidBy(keeper, id)) ?? {}) as Record<string, unknown>
  return event === 'status-changed' && (payload === 3 || payload === 'STARTED')
}

/** @returns `connected`, or an error code. */
async function connectAs(uid: number, path: string): Promise<string> {
  const script = `
    const socket = require('node:net').connect(process.argv[1])
    const tell = (word) => { process.stdout.write(word); socket.destroy() }
    socket.on('connect', () => tell('connected')).on('error', ({ code }) => tell(code))`
  const child = spawn(process.execPath, ['-e', script, path], { uid, gid: uid, cwd: '/' })
  let text = ''
  child.stdout.on('data', (chunk) => (text += String(chunk)))
  await once(child, 'close')
  return text
}

async function neverFor(limitMs: number): Promise<false> {
  return await new Promise((resolve) => setTimeout(() => resolve(false), limitMs).unref())
}
