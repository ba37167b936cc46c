import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { after, test } from 'node:test'
import { logDrainMs } from '../model/limits.ts'
import { findApp, readProcess } from './process-facts.ts'
import { TestKeeper, testUid, until } from './fixtures/test-keeper.ts'

const keeper = await TestKeeper.start()
after(() => keeper[Symbol.asyncDispose]())

const loop = 'while :; do sleep 0.02; done'
const ipcApp = fileURLToPath(new URL('./fixtures/ipc-app.js', import.meta.url))

test('an exit code comes through the shim, with every line before it', async () => {
  const info = await keeper.start('code', 'echo hello; echo oops >&2; printf "no newline"; exit 7')
  assert.equal(info.adopted, false)
  const exit = await keeper.exitOf('code')
  const wanted = { reason: 'code', code: 7, signal: null, killed: false, at: exit.at }
  assert.deepEqual(exit, wanted)
  assert.ok(Math.abs(exit.at - Date.now()) < 2_000)
  const log = await keeper.log()
  for (const line of ['hello', 'oops', 'no newline']) assert.ok(log.includes(line), line)
})

test('the app of an instance is found below shim and shell, where a signal should go', async () => {
  for (const [id, command] of [
    ['direct', 'exec sleep 60'],
    ['waits', 'true && sleep 60; true'],
    ['nested', `sh -c 'sleep 60; true'; true`],
    ['piped', 'sleep 60 | cat'],
  ] as const) {
    const { pid } = await keeper.start(id, command)
    const name = () => readFileSync(`/proc/${findApp(pid)}/comm`, 'utf8')
    await until(() => findApp(pid) !== null && name() === 'sleep\n', `the app of ${id}`)
    await keeper.client.call('stop', { id, stopTimeoutMs: 1_000 })
    assert.equal(findApp(pid), null)
  }
})

test('a signal from outside is told by its name', async () => {
  await keeper.start('signal', 'exec sleep 60')
  process.kill(await keeper.appOf('signal'), 'SIGKILL')
  const { reason, code, signal, killed } = await keeper.exitOf('signal')
  assert.deepEqual([reason, code, signal, killed], ['signal', null, 'SIGKILL', false])
})

test('a shim that is killed is noticed, and takes its app along', async () => {
  const { pid } = await keeper.start('shim', 'exec sleep 60')
  const app = await keeper.appOf('shim')
  process.kill(pid, 'SIGKILL')
  const { reason, code, signal } = await keeper.exitOf('shim')
  assert.deepEqual([reason, code, signal], ['signal', null, null])
  assert.ok(isGone(app))
})

test('the command, its quotes and its environment are the app’s own', async () => {
  const env = { PATH: '/usr/bin:/bin', GREETING: 'a "b" $c' }
  await keeper.start('env', 'echo "$GREETING" && env | cut -d= -f1 | sort | xargs', { env })
  await keeper.exitOf('env')
  const log = await keeper.log()
  assert.ok(log.includes('a "b" $c'))
  assert.ok(log.includes('GREETING PATH PWD VIADUCT_INSTANCE'), log.join('\n'))
})

test('stop lets an app finish and tells its own exit code', async () => {
  await keeper.start(
    'polite',
    `trap 'sleep 0.1; echo bye; exit 9' TERM; echo up; while :; do sleep 0.02; done`,
  )
  await until(async () => (await keeper.log()).includes('up'), 'the trap')
  const exit = await keeper.client.call('stop', { id: 'polite', stopTimeoutMs: 5_000 })
  assert.deepEqual([exit.reason, exit.code, exit.killed], ['stopped-by-us', 9, false])
  assert.ok((await keeper.log()).includes('bye'))
})

test('stop waits for what is left of a shell line whose shell died at once', async () => {
  await keeper.start(
    'line',
    `true && sh -c 'trap "sleep 0.3; echo last; exit" TERM; echo on; ${loop}' && true`,
  )
  await until(async () => (await keeper.log()).includes('on'), 'the trap')
  const exit = await keeper.client.call('stop', { id: 'line', stopTimeoutMs: 5_000 })
  assert.equal(exit.killed, false)
  assert.ok((await keeper.log()).includes('last'))
})

test('stop kills an app that ignores SIGTERM, and says so', async () => {
  await keeper.start('stubborn', `trap '' TERM; echo deaf; while :; do sleep 0.02; done`)
  await until(async () => (await keeper.log()).includes('deaf'), 'the trap')
  const { pid } = await info('stubborn')
  const exit = await keeper.client.call('stop', { id: 'stubborn', stopTimeoutMs: 100 })
  assert.deepEqual([exit.reason, exit.signal, exit.killed], ['stopped-by-us', 'SIGKILL', true])
  assert.ok(isGone(pid))
})

test('stop is idempotent, also when called twice at once', async () => {
  await keeper.start('twice', 'exec sleep 60')
  const stop = () => keeper.client.call('stop', { id: 'twice', stopTimeoutMs: 2_000 })
  const [first, second] = await Promise.all([stop(), stop()])
  assert.deepEqual(first, second)
  assert.deepEqual(await stop(), first)
})

test('what a crashed app leaves behind is ended before the exit is told', async () => {
  await keeper.start('stray', 'setsid sleep 61 & echo "stray $!"; exit 3')
  const exit = await keeper.exitOf('stray')
  assert.deepEqual([exit.reason, exit.code], ['code', 3])
  const line = (await keeper.log()).find((text) => text.startsWith('stray '))
  assert.ok(isGone(Number(line?.split(' ')[1])))
})

test('an app whose shell was killed has exited at once, and what the shell started is killed', async () => {
  const child = `trap 'echo asked' TERM; echo "child $$"; ${loop}`
  await keeper.start('shell', `sh -c '${child.replaceAll("'", `'"'"'`)}'; true`)
  const line = await until(
    async () => (await keeper.log()).find((text) => text.startsWith('child ')),
    'the child',
  )
  const killedAt = performance.now()
  process.kill(await keeper.appOf('shell'), 'SIGKILL')
  const { reason, signal } = await keeper.exitOf('shell')
  assert.deepEqual([reason, signal], ['signal', 'SIGKILL'])
  // It is routed until the exit is told, so nothing may be waited for before.
  assert.ok(performance.now() - killedAt < logDrainMs, 'the exit is told at once')
  assert.ok(isGone(Number(line.split(' ')[1])))
  assert.ok(!(await keeper.log()).includes('asked'))
})

test('messages pass over IPC in both directions, and a trajan app winds down by Die', async () => {
  await keeper.start('trajan', `node ${ipcApp} trajan`, { ipc: true })
  await until(() => messageFrom('trajan'), 'online')
  assert.deepEqual(messageFrom('trajan'), { message: 'online', port: 4711 })
  assert.equal(await keeper.client.call('send', { id: 'trajan', message: { a: 1 } }), true)
  await until(async () => (await keeper.log()).includes('got {"a":1}'), 'the message')
  const exit = await keeper.client.call('stop', { id: 'trajan', stopTimeoutMs: 5_000 })
  assert.deepEqual([exit.reason, exit.code], ['stopped-by-us', 5])
})

test('a drover app gets stop, then quit when it has stopped', async () => {
  await keeper.start('drover', `node ${ipcApp} drover`, { ipc: true })
  await until(() => messageFrom('drover'), 'started')
  const exit = await keeper.client.call('stop', { id: 'drover', stopTimeoutMs: 5_000 })
  assert.deepEqual([exit.reason, exit.code, exit.killed], ['stopped-by-us', 0, false])
})

test('an app that spoke no protocol gets Die and SIGTERM', async () => {
  await keeper.start('silent', `node ${ipcApp} none`, { ipc: true, emitOutput: true })
  await until(() => outputOf('silent').includes('ready'), 'the app')
  const exit = await keeper.client.call('stop', { id: 'silent', stopTimeoutMs: 5_000 })
  assert.deepEqual([exit.reason, exit.code], ['stopped-by-us', 15])
})

test('an app without a channel gets none', async () => {
  await keeper.start('plain', 'ls /proc/self/fd | xargs; exec sleep 60', { emitOutput: true })
  await until(() => outputOf('plain').length > 0, 'its descriptors')
  // 3 is the directory that ls reads; what is above 9 the test itself inherited.
  assert.deepEqual(outputOf('plain')[0]?.match(/\b\d\b/g), ['0', '1', '2', '3'])
  assert.equal(await keeper.client.call('send', { id: 'plain', message: 'x' }), false)
  await keeper.client.call('stop', { id: 'plain', stopTimeoutMs: 1_000 })
})

test('it runs as its uid with its nice value, and never as root', async (t) => {
  if (testUid === null) return t.skip('needs root')
  await keeper.start('nice', 'exec sleep 60', { nice: 10 })
  const app = await keeper.appOf('nice')
  const status = readFileSync(`/proc/${app}/status`, 'utf8')
  assert.match(status, /^Uid:\t58000\t58000\t58000\t58000$/m)
  assert.match(status, /^Gid:\t58000\t/m)
  assert.match(status, /^Groups:\t *$/m)
  assert.equal(readFileSync(`/proc/${app}/stat`, 'utf8').split(') ')[1]?.split(' ')[16], '10')
  await keeper.client.call('stop', { id: 'nice', stopTimeoutMs: 1_000 })
  for (const uid of [null, 0]) {
    await assert.rejects(keeper.start('root', 'true', { uid }), { code: 'spawn-failed' })
  }
})

test('the app may open /dev/stdout again', async () => {
  await keeper.start('reopen', 'echo again > /dev/stdout; echo also > /dev/stderr')
  assert.equal((await keeper.exitOf('reopen')).code, 0)
  assert.ok((await keeper.log()).includes('also'))
})

test('a start that fails says why and leaves nothing behind', async () => {
  const failing = keeper.start('nowhere', 'true', { cwd: '/does/not/exist' })
  await assert.rejects(failing, { code: 'spawn-failed', message: /nowhere .* \/does\/not\/exist/ })
  assert.ok(!existsSync(keeper.layout.instance('nowhere' as never)))
  await assert.rejects(keeper.start('../up', 'true'), { code: 'bad-request' })
  await assert.rejects(keeper.start('a', 'true', { logSource: 'a b' }), { code: 'bad-request' })
  assert.ok(!(await keeper.client.call('list', null)).processes.some(({ id }) => id === 'nowhere'))
})

test('a start is made once however often it is asked for, and its id is free when forgotten', async () => {
  const starts = await Promise.all([1, 2].map(() => keeper.start('once', 'exec sleep 60')))
  starts.push(await keeper.start('once', 'exec sleep 60'))
  assert.equal(new Set(starts.map(({ pid }) => pid)).size, 1)
  await assert.rejects(keeper.client.call('forget', { id: 'once' }), { code: 'busy' })
  await keeper.client.call('stop', { id: 'once', stopTimeoutMs: 1_000 })
  await keeper.client.call('forget', { id: 'once' })
  await keeper.client.call('forget', { id: 'once' })
  assert.ok(!existsSync(keeper.layout.instance('once' as never)))
  await keeper.start('once', 'true')
  await assert.rejects(keeper.client.call('stop', { id: 'unknown', stopTimeoutMs: 1 }), {
    code: 'not-found',
  })
})

async function info(id: string) {
  const found = (await keeper.client.call('list', null)).processes.find((each) => each.id === id)
  assert.ok(found)
  return found
}

function messageFrom(id: string): unknown {
  for (const { event, data } of keeper.events) {
    if (event === 'message' && data.id === id) return data.message
  }
  return undefined
}

function outputOf(id: string): string[] {
  return keeper.events.flatMap(({ event, data }) =>
    event === 'output' && data.id === id ? [data.line] : [],
  )
}

/** A zombie is gone: where pid 1 does not reap, it stays in the process table. */
function isGone(pid: number): boolean {
  return (readProcess(pid)?.state ?? 'Z') === 'Z'
}
