import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { parseAppName } from '../../model/ids.ts'
import { accessLogFlushMs, accessLogQuietMs } from '../../model/limits.ts'
import { type AccessEntry, AccessLog } from './access-log.ts'

test('the file of an app that is not asked for is closed, and opened again when it is', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-access-log-'))
  const file = join(dir, 'access.log')
  const app = parseAppName('shop')
  {
    await using log = new AccessLog({ fileOf: () => file, maxBytes: 10_000, filesKept: 1 })
    log.add(app, entry('first'), 1)
    log.flush()
    await until(
      () => existsSync(file) && readFileSync(file, 'utf8').includes('first'),
      'the first line',
    )
    log.flush()
    assert.ok(isOpen(file))
    const flushes = Math.ceil(accessLogQuietMs / accessLogFlushMs)
    for (let i = 0; i < flushes; i++) log.flush()
    await until(() => !isOpen(file), 'the file to be closed')
    log.add(app, entry('second'), 1)
  }
  const ids = readFileSync(file, 'utf8')
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line).id)
  assert.deepEqual(ids, ['first', 'second'])
  await rm(dir, { recursive: true })
})

function entry(requestId: string): AccessEntry {
  return {
    ...{ startedAt: 1, requestId, address: '127.0.0.1', method: 'GET', host: 'h', path: '/' },
    ...{ status: 200, bytesOut: 0, release: null, instance: '', error: '', retries: 0 },
  }
}

async function until(look: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 8_000
  while (!look()) {
    if (performance.now() > end) assert.fail(`Waited in vain for ${what}`)
    await delay(5)
  }
}

function isOpen(file: string): boolean {
  return readdirSync('/proc/self/fd').some((fd) => {
    try {
      return readlinkSync(`/proc/self/fd/${fd}`) === file
    } catch {
      return false // Closed meanwhile.
    }
  })
}
