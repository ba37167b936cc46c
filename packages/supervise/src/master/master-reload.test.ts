import assert from 'node:assert/strict'
import { once } from 'node:events'
import { writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { InappropriateConditionError, WorkerStatusError } from '../errors/supervise-error.ts'
import { fixtures } from '../fixtures/fixture-paths.cjs'
import { ask, startLoad } from '../fixtures/load.ts'
import { isAlive, TestMaster, until } from '../fixtures/test-master.ts'
import { withTemporaryFolder } from '../fixtures/temporary-folder.ts'

const clients = 20
const reloads = 3

for (const schedulingPolicy of ['none', 'rr'] as const) {
  for (const count of [1, 3]) {
    test(`no request is lost in reloads, ${schedulingPolicy}, ${count} workers`, async () => {
      await using opened = await TestMaster.open('web.cjs', { schedulingPolicy, count })
      const { master, port } = opened
      await master.start()
      const load = startLoad(port, clients)
      for (let round = 0; round < reloads; round++) {
        const before = opened.pids
        const outcomes = await master.gracefulReload()
        assert.deepEqual(
          outcomes.map(({ how }) => how),
          before.map(() => 'exited'),
        )
        assert.deepEqual(before.filter(isAlive), [])
        assert.equal(opened.pids.filter(isAlive).length, count)
      }
      const { requests, failures, answers } = await load.stop()
      assert.deepEqual(failures, [])
      assert.ok(requests > clients * reloads)
      assert.ok(answers.size >= reloads + 1, 'old and new workers answered')
      assert.deepEqual(opened.exits, [])
    })
  }
}

test('requests in flight are answered by the old workers', async () => {
  await using opened = await TestMaster.open('web.cjs', { count: 1, env: { DELAY_MS: 800 } })
  await opened.master.start()
  const [old] = opened.pids
  const arrived = once(opened.master, 'worker-message')
  const answer = ask(opened.port)
  await arrived
  await opened.master.gracefulReload()
  assert.equal(await answer, String(old))
})

test('an idle keep-alive connection does not hold a reload up, and ends without a reset', async () => {
  await using opened = await TestMaster.open('web.cjs', { count: 1 })
  await opened.master.start()
  const socket = connect(opened.port, '127.0.0.1')
  let errors = 0
  socket.on('error', () => errors++)
  socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
  await new Promise((resolve) => socket.once('data', resolve))
  const ended = new Promise((resolve) => socket.once('end', resolve))
  const [outcome] = await opened.master.gracefulReload()
  await ended
  assert.equal(errors, 0)
  assert.equal(outcome?.how, 'exited')
})

test('when the new workers do not get ready the old ones stay', async () => {
  await withTemporaryFolder(async (folder) => {
    const file = `${folder}/app.cjs`
    const write = async (text: string): Promise<void> => await writeFile(file, text)
    await write(`require(${JSON.stringify(join(fixtures, 'web.cjs'))})`)
    await using opened = await TestMaster.open(file, { count: 2 })
    await opened.master.start()
    const { pids } = opened
    await write('throw new Error("broken release")')
    const load = startLoad(opened.port, 4)
    await assert.rejects(opened.master.gracefulReload(), WorkerStatusError)
    const { failures } = await load.stop()
    assert.deepEqual(failures, [])
    assert.deepEqual(opened.pids, pids)
    assert.deepEqual(opened.exits, [])
  })
})

test('a second operation is refused, or waits, as the option says', async () => {
  await using refusing = await TestMaster.open('web.cjs', { count: 1 })
  await refusing.master.start()
  const first = refusing.master.gracefulReload()
  await assert.rejects(refusing.master.gracefulReload(), InappropriateConditionError)
  await assert.rejects(refusing.master.rescale(2), InappropriateConditionError)
  await first
  await using queueing = await TestMaster.open('web.cjs', { count: 1, whenBusy: 'queue' })
  const { master } = queueing
  await master.start()
  const all = [master.gracefulReload(), master.gracefulReload(), master.rescale(2)]
  await Promise.all(all)
  assert.equal(queueing.pids.filter(isAlive).length, 2)
})

test('a shutdown in the middle of a reload ends both, old workers and new', async () => {
  await using opened = await TestMaster.open('web.cjs', { count: 2 })
  const { master } = opened
  const pids: number[] = []
  await master.start()
  pids.push(...opened.pids)
  master.on('worker-start', (_, pid) => pids.push(pid))
  const operations = [master.gracefulReload()]
  assert.equal((await master.gracefulShutdown()).length, 2)
  assert.deepEqual(await Promise.all(operations), [[]])
  assert.deepEqual(pids.filter(isAlive), [])
  await master.start()
  const growing = master.rescale(4)
  await master.hardShutdown()
  assert.equal(await growing, 0)
  assert.deepEqual(pids.filter(isAlive), [])
})

test('maxSurge limits how many workers there are beyond count', async () => {
  await using opened = await TestMaster.open('web.cjs', { count: 3, maxSurge: 1 })
  const { master } = opened
  let alive = 0
  let most = 0
  const spawned: number[] = []
  master.on('worker-start', () => {
    most = Math.max(most, ++alive)
    spawned.push(master.getWorkers().length)
  })
  master.on('worker-stop', () => alive--)
  await master.start()
  assert.deepEqual(spawned, [1, 2, 3], 'one after the other')
  await master.gracefulReload()
  assert.equal(most, 4)
  assert.equal(alive, 3)
})

test('workers that die in the middle of a reload are replaced by the handler', async () => {
  await using opened = await TestMaster.open('web.cjs', { count: 3, restartTimeout: 1 })
  const { master } = opened
  // oxlint-disable-next-line typescript/no-misused-promises -- the seed's handler
  master.on('worker-exit', async (_, workerId) => await master.restartWorkerById(workerId))
  await master.start()
  const reload = master.gracefulReload()
  process.kill(opened.pids[0] ?? 0, 'SIGKILL')
  await reload
  for (const pid of opened.pids.slice(0, 2)) process.kill(pid, 'SIGKILL')
  await until('three serve', () => {
    return (
      opened.pids.filter(isAlive).length === 3 && master.getWorkersStatuses().every((s) => s === 3)
    )
  })
  assert.ok(opened.pids.includes(Number(await ask(opened.port))))
})
