/** A master in a process of its own: what becomes of it, and of its workers, by signals. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { ask, startLoad } from '../fixtures/load.ts'
import { MasterProcess } from '../fixtures/master-process.ts'
import { withTemporaryFolder } from '../fixtures/temporary-folder.ts'
import { isAlive, until } from '../fixtures/test-master.ts'

test('workers end when their master is killed', async () => {
  const OPTIONS = JSON.stringify({ script: undefined, command: ['sleep', '600'], ready: 'alive' })
  const hung = { SCRIPT: 'unruly.cjs', MODE: 'hung' }
  const deaf = { SCRIPT: 'unruly.cjs', MODE: 'deaf' }
  for (const env of [{}, deaf, hung, { OPTIONS, COMMAND: '1', TWICE: '1' }]) {
    await using opened = await MasterProcess.open(env)
    assert.equal(opened.pids.filter(isAlive).length, 2)
    opened.kill('SIGKILL')
    await until('they are gone', () => opened.pids.filter(isAlive).length === 0)
  }
})

test('commands are asked to end when their master is killed', async () => {
  await withTemporaryFolder(async (folder) => {
    const wait = `trap 'touch ${folder}/$$; exit' TERM; while :; do sleep 0.05; done`
    const options = { script: undefined, command: ['sh', '-c', wait], ready: 'alive' }
    const OPTIONS = JSON.stringify(options)
    await using opened = await MasterProcess.open({ OPTIONS, COMMAND: '1' })
    opened.kill('SIGKILL')
    await until('both have heard it', async () => (await readdir(folder)).length === 2)
  })
})

test('SIGTERM, twice, ends workers and master in order', async () => {
  await using opened = await MasterProcess.open()
  opened.kill('SIGTERM')
  opened.kill('SIGTERM')
  assert.deepEqual(await opened.exited, [0, null])
  assert.deepEqual(opened.pids.filter(isAlive), [])
})

test('SIGHUP reloads, and loses nothing', async () => {
  await using opened = await MasterProcess.open()
  const load = startLoad(opened.port, 10)
  opened.kill('SIGHUP')
  await until('the old ones are gone', () => opened.pids.filter(isAlive).length === 0)
  assert.ok(!opened.pids.includes(Number(await ask(opened.port))))
  const { failures } = await load.stop()
  assert.deepEqual(failures, [])
  opened.kill('SIGTERM')
  assert.deepEqual(await opened.exited, [0, null])
})
