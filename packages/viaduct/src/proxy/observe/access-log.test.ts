import assert from 'node:assert/strict'
import { existsSync, readFileSync, readdirSync, readlinkSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as delay } from 'node:timers/promises'
import { parseAppName } from '../../model/ids.ts'
import { accessLogFlushMs, accessLogQuietMs } from '../../model/proxy-limits.ts'
import type { AccessEntry } from './access-line.ts'
import { AccessLog } from './access-log.ts'

test('the file of an app that is not asked for is closed, and opened again when it is', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-access-log-'))
  const file = join(dir, 'access.log')
  const app = parseAppName('shop')
  {
    const limits = { maxBytes: 10_000, filesKept: 1 }
    await using log = new AccessLog({ fileOf: () => file, refusedFile: '', ...limits })
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
    ...{ startedMs: 1, sentMs: 1, headMs: 2, minor: 1, headText: '' },
    peer: { proto: 'http', version: 1 },
    ...{ startedAt: 1, requestId, address: '127.0.0.1', method: 'GET', host: 'h', path: '/' },
    ...{ status: 200, bytesIn: 0, bytesOut: 0, release: null, instance: '', error: '', retries: 0 },
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

test('a line says how it came, where time went, and who asked only where that is wanted', async () => {
  const headText = 'GET / HTTP/1.1\r\nUser-Agent: "curl"\r\nREFERER:  https://a.example/\r\n\r\n'
  const over = { peer: { proto: 'https', version: 2 }, startedMs: 10, sentMs: 12.5, headMs: 15.7 }
  const request = { ...entry('one'), ...over, headText, bytesIn: 7, bytesOut: 9 } as AccessEntry
  const full = { upstreamMs: 3.2, received: 7, bytes: 9, http: '2', tls: true }
  const line = await lineOf(request, false)
  assert.deepEqual(pick(line, Object.keys(full)), full)
  assert.deepEqual([line['ms'], line['waitedMs']], [8.3, 2.5])
  assert.equal(line['agent'] ?? line['referer'], undefined)
  const named = await lineOf(request, true)
  assert.deepEqual([named['agent'], named['referer']], ['"curl"', 'https://a.example/'])
  const early = { ...entry('two'), minor: 0, sentMs: 0, headMs: 0 } as AccessEntry
  const refused = await lineOf(early, true)
  assert.equal(refused['http'], '1.0')
  for (const name of ['tls', 'waitedMs', 'upstreamMs', 'agent', 'referer']) {
    assert.ok(!(name in refused), name)
  }
})

async function lineOf(request: AccessEntry, withAgent: boolean): Promise<Record<string, unknown>> {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-access-log-'))
  const file = join(dir, 'access.log')
  const limits = { maxBytes: 10_000, filesKept: 1 }
  const options = { fileOf: () => file, refusedFile: '', ...limits, withAgent }
  {
    await using log = new AccessLog(options)
    log.add(parseAppName('shop'), request, 8.31)
  }
  const line = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>
  await rm(dir, { recursive: true })
  return line
}

function pick(from: Record<string, unknown>, names: readonly string[]): Record<string, unknown> {
  return Object.fromEntries(names.map((name) => [name, from[name]]))
}
