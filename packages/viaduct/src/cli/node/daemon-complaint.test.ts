import assert from 'node:assert/strict'
import { appendFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { dataLayout } from '../../model/layout.ts'
import { hasInstances, markDaemonLog, readComplaint } from './daemon-complaint.ts'

const root = await mkdtemp(join(tmpdir(), 'viaduct-complaint-'))
after(() => rm(root, { recursive: true }))
let dataDir = ''
let log = ''
beforeEach(async () => {
  dataDir = await mkdtemp(join(root, 'data-'))
  log = dataLayout(dataDir).platformLog('daemon')
  await mkdir(dirname(log), { recursive: true })
})

test('only what was written since the mark is a complaint of this start', async () => {
  assert.equal(await markDaemonLog(dataDir), 0)
  assert.equal(await readComplaint(dataDir, 0), null)
  await writeFile(log, 'viaduct daemon: An old one\n')
  const mark = await markDaemonLog(dataDir)
  assert.equal(await readComplaint(dataDir, mark), null)
  await appendFile(log, 'viaduct daemon: A new one\nDo this.\n')
  assert.deepEqual(await readComplaint(dataDir, mark), { message: 'A new one', hint: 'Do this.' })
})

test('a log that was rotated since the mark is read from its beginning', async () => {
  await writeFile(log, 'x'.repeat(1_000))
  const mark = await markDaemonLog(dataDir)
  await writeFile(log, 'viaduct daemon: After it\n')
  assert.deepEqual(await readComplaint(dataDir, mark), { message: 'After it', hint: '' })
})

test('only instances of apps are instances', async () => {
  const { children, run } = dataLayout(dataDir)
  await mkdir(run)
  assert.equal(await hasInstances(dataDir), false)
  await writeFile(children, JSON.stringify({ children: [{ kind: 'proxy' }] }))
  assert.equal(await hasInstances(dataDir), false)
  await writeFile(children, JSON.stringify({ children: [{ kind: 'proxy' }, { kind: 'instance' }] }))
  assert.equal(await hasInstances(dataDir), true)
})
