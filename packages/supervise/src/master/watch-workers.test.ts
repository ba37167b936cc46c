import assert from 'node:assert/strict'
import { subscribe, unsubscribe } from 'node:diagnostics_channel'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { test } from 'node:test'
import { ask } from '../fixtures/load.ts'
import { withTemporaryFolder } from '../fixtures/temporary-folder.ts'
import { freePort, isAlive, openUnruly, TestMaster, until } from '../fixtures/test-master.ts'
import { WorkerStatuses } from '../worker-statuses.ts'
import { MasterFactory } from './master-factory.ts'

const { STARTED, FAILED } = WorkerStatuses

test('a worker with too much memory is replaced gently', async () => {
  await using opened = await openUnruly('grows', { memoryLimitBytes: 300 * 2 ** 20 })
  const { master } = opened
  await master.start()
  const [pid = 0] = opened.pids
  const [before] = master.getStats()
  assert.ok(before?.usage && before.usage.memoryBytes > 2 ** 20 && before.usage.cpuMs >= 0)
  const unfit = once(master, 'worker-unfit')
  const stopped = once(master, 'worker-stop')
  await master.request(opened.ids[0] ?? 0, 400)
  assert.deepEqual(await unfit, [before.workerId, 'memory'])
  const [outcome] = (await stopped) as [{ how: string }]
  assert.equal(outcome.how, 'exited')
  assert.ok(!isAlive(pid))
  assert.deepEqual(master.getWorkersStatuses(), [STARTED])
  assert.deepEqual(opened.exits, [])
})

test('a worker whose event loop stands still is replaced', async () => {
  const health = { intervalMs: 100, timeoutMs: 400, failuresMax: 2 }
  const options = { health, stopTimeout: 100, quitTimeout: 100 }
  await using opened = await openUnruly('hangs-on-request', options)
  const { master } = opened
  await master.start()
  const [pid = 0] = opened.pids
  const unfit = once(master, 'worker-unfit')
  void master.sendTo(opened.ids[0] ?? 0, { supervise: 'request', id: 1 })
  assert.equal(((await unfit) as [number, string])[1], 'health')
  await until('it is gone', () => !isAlive(pid))
  assert.deepEqual(master.getWorkersStatuses(), [STARTED])
})

test('with a restart policy crashes are followed by starts, and too many by none', async () => {
  const restart = { backoffMs: 10, backoffMaxMs: 20, crashLimit: 3, windowMs: 600_000 }
  const options = { env: { CODE: 5 }, restart, restartTimeout: 1 }
  await using opened = await openUnruly('exits-soon', options)
  const starts: number[] = []
  opened.master.on('worker-start', (workerId) => starts.push(workerId))
  const givenUp = once(opened.master, 'worker-given-up')
  await opened.master.start()
  assert.deepEqual(await givenUp, [starts.at(-1)])
  assert.equal(starts.length, 3)
  assert.equal(opened.exits.length, 3)
  assert.deepEqual(opened.master.getWorkersStatuses(), [FAILED])
})

test('output comes as lines with the worker that wrote it', async () => {
  await using opened = await openUnruly('speaks', { output: 'lines' })
  const lines: [string, string, number][] = []
  opened.master.on('worker-output', (line, id, stream) => lines.push([stream, line, id]))
  await opened.master.start()
  const [id = 0] = opened.ids
  await opened.master.gracefulShutdown()
  await until('all four came', () => lines.length === 4)
  assert.deepEqual(
    lines.filter(([stream]) => stream === 'stdout'),
    [
      ['stdout', 'one', id],
      ['stdout', 'two', id],
      ['stdout', 'no end', id],
    ],
  )
  assert.deepEqual(
    lines.filter(([stream]) => stream === 'stderr'),
    [['stderr', 'three', id]],
  )
})

test('what happens is told on a diagnostics channel', async () => {
  const events: { source: string; what: string }[] = []
  const listener = (event: unknown): void => void events.push(event as (typeof events)[0])
  subscribe('supervise', listener)
  try {
    await using opened = await TestMaster.open('web.cjs', { count: 1 })
    await opened.master.start()
    await opened.master.gracefulShutdown()
  } finally {
    unsubscribe('supervise', listener)
  }
  const told = new Set(events.map(({ source, what }) => `${source} ${what}`))
  for (const what of ['master start', 'worker spawned', 'worker state', 'worker exited']) {
    assert.ok(told.has(what), what)
  }
})

test('any program is a worker: ready by its port, by HTTP, by a file, or by living', async () => {
  await withTemporaryFolder(async (folder) => {
    const port = await freePort()
    const file = `${folder}/ready`
    const script = `
      const fs = require('node:fs')
      fs.writeFileSync(${JSON.stringify(file)}, '')
      require('node:http').createServer((q, a) => a.end('any')).listen(${port}, '127.0.0.1')`
    await writeFile(`${folder}/app.cjs`, script)
    const command = [process.execPath, `${folder}/app.cjs`]
    const http = `http://127.0.0.1:${port}/`
    for (const ready of [{ port }, { http }, { file }, 'alive'] as const) {
      const master = MasterFactory.create({ command, count: 1, ready, signals: {} })
      await master.start()
      if (ready !== 'alive' && !('file' in ready)) assert.equal(await ask(port), 'any')
      const [outcome] = await master.gracefulShutdown()
      assert.equal(outcome?.how, 'exited')
    }
  })
})
