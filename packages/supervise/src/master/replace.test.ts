/** What becomes of the place of a worker: who leaves it, who comes, and when. */
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { test } from 'node:test'
import { ask } from '../fixtures/load.ts'
import { heldConnectionsMax } from '../limits.ts'
import { withTemporaryFolder } from '../fixtures/temporary-folder.ts'
import { openUnruly, TestMaster, until } from '../fixtures/test-master.ts'

test('the oldest leave when there shall be fewer', async () => {
  await using opened = await TestMaster.open('talks.cjs', { count: 3 })
  await opened.master.start()
  const [, , youngest] = opened.ids
  await opened.master.rescale(1)
  assert.deepEqual(opened.ids, [youngest])
})

test('two calls to restart a worker start one, and its place stays', async () => {
  await using opened = await TestMaster.open('talks.cjs', { count: 2 })
  const { master } = opened
  await master.start()
  const starts: number[] = []
  master.on('worker-start', (workerId) => starts.push(workerId))
  const [first = 0, second] = opened.ids
  await Promise.all([master.restartWorkerById(first), master.restartWorkerById(first)])
  assert.equal(starts.length, 1)
  assert.deepEqual(opened.ids, [starts[0], second])
})

test('a worker that ended is not started again before restartTimeout is over', async () => {
  await using opened = await TestMaster.open('talks.cjs', { count: 1, restartTimeout: 3000 })
  const { master } = opened
  await master.start()
  const [before] = master.getWorkers()
  const exit = once(master, 'worker-exit')
  process.kill(before?.pid ?? 0, 'SIGKILL')
  await exit
  await master.restartWorkerById(before?.workerId ?? 0)
  const [after] = master.getWorkers()
  assert.ok((after?.startedAt ?? 0) - (before?.startedAt ?? 0) >= 3000)
})

test('a replacement that a stranger kills is tried again', async () => {
  await withTemporaryFolder(async (folder) => {
    const file = `${folder}/pids`
    await using opened = await openUnruly('second-is-killed', { env: { PID_FILE: file } })
    await opened.master.start()
    await opened.master.restartWorkerById(opened.ids[0] ?? 0)
    const pids = (await readFile(file, 'utf8')).trim().split('\n').map(Number)
    assert.equal(pids.length, 3)
    assert.deepEqual(opened.pids, [pids[2]])
    assert.deepEqual(opened.exits, [])
  })
})

test('one that ended by itself is not told as stopped', async () => {
  await using opened = await TestMaster.open('talks.cjs', { count: 1, restartTimeout: 1 })
  const stops: unknown[] = []
  opened.master.on('worker-stop', (outcome) => stops.push(outcome))
  await opened.master.start()
  const [id = 0] = opened.ids
  process.kill(opened.pids[0] ?? 0, 'SIGKILL')
  await until('it is gone', () => opened.exits.length > 0)
  await opened.master.restartWorkerById(id)
  await opened.master.gracefulShutdown()
  assert.deepEqual(stops.length, 1, 'the second')
})

test('with rr, connections that wait are limited in number', async () => {
  const options = { schedulingPolicy: 'rr', count: 1, restartTimeout: 1 } as const
  await using opened = await TestMaster.open('web.cjs', options)
  const { master, port } = opened
  await master.start()
  const exit = once(master, 'worker-exit')
  process.kill(opened.pids[0] ?? 0, 'SIGKILL')
  await exit
  let closed = 0
  const sockets = Array.from({ length: heldConnectionsMax + 10 }, () => {
    const socket = connect(port, '127.0.0.1').resume()
    return socket.on('error', () => undefined).on('close', () => closed++)
  })
  await until('ten are closed', () => closed === 10)
  await master.restartWorkerById(opened.ids[0] ?? 0)
  assert.equal(await ask(port), String(opened.pids[0]))
  for (const socket of sockets) socket.destroy()
})

for (const schedulingPolicy of ['none', 'rr'] as const) {
  test(`connections wait while no worker is there, ${schedulingPolicy}`, async () => {
    const options = { schedulingPolicy, count: 1, restartTimeout: 1 }
    await using opened = await TestMaster.open('web.cjs', options)
    const { master, port } = opened
    await master.start()
    const [id = 0] = opened.ids
    const exit = once(master, 'worker-exit')
    process.kill(opened.pids[0] ?? 0, 'SIGKILL')
    await exit
    const answers = Array.from({ length: 5 }, async () => await ask(port))
    await master.restartWorkerById(id)
    assert.deepEqual(new Set(await Promise.all(answers)), new Set(opened.pids.map(String)))
  })
}
