import assert from 'node:assert/strict'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import {
  AlreadyInitializedError,
  InappropriateConditionError,
  InvalidArgumentError,
  TimeoutError,
  WorkerStatusError,
} from '../errors/supervise-error.ts'
import { ExitReasons } from '../exit-reasons.ts'
import { ask } from '../fixtures/load.ts'
import { isAlive, openUnruly, TestMaster, until } from '../fixtures/test-master.ts'
import { WorkerStatuses } from '../worker-statuses.ts'
import { Master } from './master.ts'

const { INITIALIZED, STARTED } = WorkerStatuses

test('starts all workers, which share the port, and ends them again, twice', async () => {
  await using opened = await TestMaster.open('web.cjs', { count: 3 })
  const { master, port } = opened
  assert.deepEqual(master.getWorkersStatuses(), [INITIALIZED, INITIALIZED, INITIALIZED])
  for (let round = 0; round < 2; round++) {
    await master.start()
    assert.equal(master.getStatus(), Master.STATUS_STARTED)
    assert.deepEqual(master.getWorkersStatuses(), [STARTED, STARTED, STARTED])
    const { pids } = opened
    assert.ok(pids.includes(Number(await ask(port))))
    const outcomes = await master.gracefulShutdown()
    assert.deepEqual(
      outcomes.map(({ how }) => how),
      ['exited', 'exited', 'exited'],
    )
    assert.equal(master.getStatus(), Master.STATUS_SHUTTED_DOWN)
    assert.deepEqual(pids.filter(isAlive), [])
    await assert.rejects(ask(port), /ECONNREFUSED/)
  }
  assert.deepEqual(opened.exits, [])
})

test('says what it may not do, and does nothing then', async () => {
  await using opened = await TestMaster.open('web.cjs', { count: 1 })
  const { master } = opened
  await assert.rejects(master.gracefulReload(), InappropriateConditionError)
  await assert.rejects(master.rescale(2), InappropriateConditionError)
  await assert.rejects(master.gracefulShutdown(), InappropriateConditionError)
  await master.hardShutdown()
  const starting = master.start()
  await assert.rejects(master.start(), AlreadyInitializedError)
  await starting
  await assert.rejects(master.start(), AlreadyInitializedError)
  for (const size of [0, -1, 1.5, NaN, '2' as unknown as number, 1e9]) {
    await assert.rejects(master.rescale(size), InvalidArgumentError)
  }
  await master.restartWorkerById(123_456)
  assert.equal(opened.pids.length, 1)
})

test('a start that fails leaves no process, and can be tried again', async () => {
  const cases: [mode: string, error: typeof WorkerStatusError][] = [
    ['throws', WorkerStatusError],
    ['exits-at-start', WorkerStatusError],
    ['kills-itself-at-start', WorkerStatusError],
    ['never-ready', TimeoutError],
  ]
  for (const [mode, kind] of cases) {
    const options = { count: 2, statusTimeout: 1500, output: 'ignore' } as const
    await using opened = await openUnruly(mode, options)
    const { master } = opened
    const pids: number[] = []
    const starting = master.start()
    await until('both were spawned', () => pids.push(...opened.pids) > 0)
    await assert.rejects(starting, kind, mode)
    assert.deepEqual(pids.filter(isAlive), [], mode)
    assert.equal(master.getStatus(), Master.STATUS_SHUTTED_DOWN)
    assert.deepEqual(opened.exits, [], 'a failed start is told once')
    await assert.rejects(master.start(), kind)
  }
})

test('a program that cannot be started is a failed start', async () => {
  await using opened = await openUnruly('throws')
  const { Master: MasterClass } = { Master }
  const config = { ...opened.master.getConfig(), script: null, command: ['/nowhere/program'] }
  const master = new MasterClass({ ...config, args: [], signals: {}, ready: 'alive' })
  await assert.rejects(master.start(), (error) => {
    return error instanceof WorkerStatusError && /ENOENT/.test(error.message)
  })
})

test('exits that nobody asked for have their reason', async () => {
  for (const [code, kind] of [
    [0, ExitReasons.NormalExit],
    [7, ExitReasons.AbnormalExit],
  ] as const) {
    await using opened = await openUnruly('exits-soon', { env: { CODE: code } })
    await opened.master.start()
    const [id] = opened.ids
    await until('it exits', () => opened.exits.length > 0)
    assert.ok(opened.exits[0]?.reason instanceof kind)
    assert.deepEqual(opened.exits[0], { reason: new kind({ code } as never), workerId: id })
    assert.deepEqual(opened.master.getWorkersStatuses(), [WorkerStatuses.FAILED])
    await opened.master.gracefulShutdown()
  }
  await using opened = await TestMaster.open('web.cjs', { count: 1 })
  await opened.master.start()
  process.kill(opened.pids[0] ?? 0, 'SIGKILL')
  await until('it is killed', () => opened.exits.length > 0)
  assert.deepEqual(opened.exits[0]?.reason, new ExitReasons.ExternalSignal({ signal: 'SIGKILL' }))
})

test('exits that were asked for are no news', async () => {
  await using opened = await TestMaster.open('web.cjs', { count: 2 })
  const { master } = opened
  await master.start()
  await master.gracefulReload()
  assert.equal(await master.rescale(3), 1)
  assert.equal(await master.rescale(1), -2)
  const [id = 0] = opened.ids
  const [pid = 0] = opened.pids
  await master.restartWorkerById(id)
  await until('the old one is gone', () => !isAlive(pid))
  await master.hardShutdown()
  assert.deepEqual(opened.exits, [])
})

test('workers that hear nothing are killed, and the shutdown says so', async () => {
  for (const mode of ['deaf', 'hung']) {
    const options = { count: 2, stopTimeout: 200, quitTimeout: 200 }
    await using opened = await openUnruly(mode, options)
    await opened.master.start()
    const { pids } = opened
    const outcomes = await opened.master.gracefulShutdown()
    assert.deepEqual(
      outcomes.map(({ how }) => how),
      ['killed', 'killed'],
      mode,
    )
    assert.deepEqual(pids.filter(isAlive), [])
  }
})

test('what a worker forked ends with it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'supervise-'))
  try {
    const file = join(folder, 'pids')
    await using opened = await openUnruly('forks', { env: { PID_FILE: file } })
    await opened.master.start()
    const child = Number(await readFile(file, 'utf8'))
    assert.ok(isAlive(child))
    await opened.master.gracefulShutdown()
    await until('the child is gone', () => !isAlive(child))
  } finally {
    await rm(folder, { recursive: true })
  }
})

test('garbage on the channel changes nothing', async () => {
  await using opened = await openUnruly('garbage')
  const messages: unknown[] = []
  opened.master.on('worker-message', (message) => messages.push(message))
  await opened.master.start()
  assert.deepEqual(opened.master.getWorkersStatuses(), [STARTED])
  assert.ok(messages.length >= 5)
  const [outcome] = await opened.master.gracefulShutdown()
  assert.equal(outcome?.how, 'exited')
})

test('a worker that closes its channel ends itself', async () => {
  await using opened = await openUnruly('closes-channel')
  await opened.master.start()
  await until('it exits', () => opened.exits.length > 0)
  assert.ok(opened.exits[0]?.reason instanceof ExitReasons.NormalExit)
})

test('programs that speak other words, or none, are understood', async () => {
  await using online = await openUnruly('trajan')
  await using pm2 = await openUnruly('pm2')
  await using plain = await openUnruly('plain', { ready: 'listening', count: 2 })
  for (const { master } of [online, pm2, plain]) {
    await master.start()
    const outcomes = await master.gracefulShutdown()
    assert.ok(outcomes.every(({ how }) => how === 'exited'))
  }
})

test('a shutdown ends a start that runs, and a second one joins it', async () => {
  await using opened = await openUnruly('never-ready', { count: 2 })
  const starting = assert.rejects(opened.master.start(), InappropriateConditionError)
  const { pids } = opened
  const [first, second] = [opened.master.gracefulShutdown(), opened.master.gracefulShutdown()]
  assert.deepEqual(await first, await second)
  await starting
  assert.deepEqual(pids.filter(isAlive), [])
  assert.equal(opened.master.getStatus(), Master.STATUS_SHUTTED_DOWN)
})

test('a hard shutdown overtakes a graceful one', async () => {
  await using opened = await openUnruly('deaf', { stopTimeout: 60_000 })
  await opened.master.start()
  const graceful = opened.master.gracefulShutdown()
  await opened.master.hardShutdown()
  await graceful
  assert.equal(opened.master.getStatus(), Master.STATUS_SHUTTED_DOWN)
})

test('an aborted start leaves nothing', async () => {
  await using opened = await openUnruly('never-ready', { count: 2 })
  const controller = new AbortController()
  const starting = opened.master.start({ signal: controller.signal })
  const { pids } = opened
  controller.abort()
  await assert.rejects(starting, { name: 'AbortError' })
  assert.deepEqual(pids.filter(isAlive), [])
  assert.equal(opened.master.getStatus(), Master.STATUS_SHUTTED_DOWN)
})

test('a rejecting handler is an error event or a warning, and ends nothing', async () => {
  await using opened = await openUnruly('exits-soon', { env: { CODE: 3 } })
  const errors: unknown[] = []
  opened.master.on('error', (error) => errors.push(error))
  // oxlint-disable-next-line typescript/no-misused-promises -- a rejection is what is tested
  opened.master.on('worker-exit', async () => await Promise.reject(new Error('handler')))
  await opened.master.start()
  await until('the error arrives', () => errors.length > 0)
  assert.match(String(errors[0]), /handler/)
})
