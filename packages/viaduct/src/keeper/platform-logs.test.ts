import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, readdirSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { rotatePlatformLog } from './platform-logs.ts'
import { TestKeeper, until } from './fixtures/test-keeper.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-platform-logs-'))
after(() => rm(dir, { recursive: true }))

test('a log that a process has open is rotated, and the process goes on in the new one', async (t) => {
  const file = join(dir, 'open.platform.log')
  const output = openSync(file, 'a')
  const child = spawn('cat', { stdio: ['pipe', output, 'inherit'] })
  t.after(() => child.kill())
  assert.ok(child.stdin)
  closeSync(output)
  for (const number of [1, 2, 3, 4]) {
    const text = `${`${number}`.repeat(99)}\n`
    child.stdin.write(text)
    await until(() => readFileSync(file, 'utf8') === text, 'the line')
    const limits = { maxBytes: 50, filesKept: 2 }
    assert.equal(await rotatePlatformLog(file, limits), true)
    assert.equal(await rotatePlatformLog(file, limits), false)
  }
  child.stdin.end('last\n')
  await once(child, 'exit')
  const names = readdirSync(dir).toSorted()
  assert.deepEqual(
    names,
    ['', '.1', '.2'].map((age) => `open.platform.log${age}`),
  )
  const first = names.map((name) => readFileSync(join(dir, name), 'utf8').slice(0, 4))
  assert.deepEqual(first, ['last', '4444', '3333'])
})

test('with no old files kept the log starts over, and a file that is not there is none', async () => {
  const file = join(dir, 'none.platform.log')
  const limits = { maxBytes: 10, filesKept: 0 }
  assert.equal(await rotatePlatformLog(file, limits), false)
  writeFileSync(file, 'more than ten bytes')
  assert.equal(await rotatePlatformLog(file, limits), true)
  assert.equal(readFileSync(file, 'utf8'), '')
})

test('the daemon’s log stays within its limits while the daemon runs', async () => {
  const maxBytes = 2_000
  await using keeper = await TestKeeper.start({ logFileMaxBytes: maxBytes, logFilesKept: 2 })
  const file = keeper.layout.platformLog('daemon')
  const ask = async (path: string): Promise<string> => {
    return await (await fetch(`http://127.0.0.1:${keeper.settings.apiPort}/${path}`)).text()
  }
  await until(() => ask('first').then(Boolean, () => false), 'the daemon listens')
  const answer = await ask('first')
  for (const round of [1, 2, 3]) {
    for (let i = 0; i < 30; i++) await ask(`${round}/${'x'.repeat(99)}`)
    await until(() => statSync(file).size < maxBytes, 'a rotation')
  }
  assert.equal(await ask('last'), answer)
  await until(() => readFileSync(file, 'utf8').endsWith('/last\n'), 'the last line')
  const names = readdirSync(keeper.layout.logs).filter((name) => name.startsWith('daemon.'))
  assert.deepEqual(
    names.toSorted(),
    ['', '.1', '.2'].map((age) => `daemon.platform.log${age}`),
  )
})
