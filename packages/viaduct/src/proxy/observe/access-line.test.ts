import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseReleaseNumber } from '../../model/ids.ts'
import { type AccessEntry, renderEntry } from './access-line.ts'

const base: AccessEntry = {
  ...{ startedAt: 1, requestId: 'id', address: '127.0.0.1', method: 'GET', host: 'a', path: '/' },
  ...{ status: 200, bytesIn: 1, bytesOut: 2, startedMs: 1, sentMs: 1, headMs: 2, minor: 1 },
  ...{
    release: parseReleaseNumber('v1'),
    instance: 'a.v1.web.1',
    error: '',
    retries: 0,
    headText: '',
  },
  peer: { proto: 'http', version: 1 },
}

/** Each differs from the base in one fact. */
const others: readonly (readonly [Partial<AccessEntry>, Record<string, unknown>])[] = [
  [{ startedAt: 2 }, { at: 2 }],
  [{ requestId: 'other' }, { id: 'other' }],
  [{ address: '::1' }, { client: '::1' }],
  [{ method: 'PUT' }, { method: 'PUT' }],
  [{ host: 'b"\u00e9' }, { host: 'b"\u00e9' }],
  [{ path: '/"\\\u007f' }, { path: '/"\\\u007f' }],
  [{ status: 404 }, { status: 404 }],
  [{ bytesIn: 1e10 }, { received: 1e10 }],
  [{ bytesOut: 0 }, { bytes: 0 }],
  [{ headMs: 123_457.89 }, { upstreamMs: 123_456.9 }],
  [{ minor: 0 }, { http: '1.0' }],
  [{ peer: { proto: 'https', version: 1 } }, { tls: true }],
  [{ peer: { proto: 'http', version: 2 } }, { http: '2' }],
  [{ release: null }, { release: undefined }],
  [{ instance: '' }, { instance: undefined }],
  [{ instance: 'a.v1.web.2' }, { instance: 'a.v1.web.2' }],
  [{ error: 'stopped' }, { error: 'stopped' }],
  [{ retries: 2 }, { retries: 2 }],
]

test('no line has anything of the line before that is not its own', () => {
  const expected = {
    ...{ at: 1, id: 'id', client: '127.0.0.1', method: 'GET', host: 'a', path: '/', status: 200 },
    ...{ ms: 99.9, upstreamMs: 1, received: 1, bytes: 2, http: '1.1', release: 1 },
    instance: 'a.v1.web.1',
  }
  for (const [change, seen] of others) {
    assert.deepEqual(parse(renderEntry(base, 99.94, '')), expected)
    const wanted = JSON.parse(JSON.stringify({ ...expected, ...seen })) as object
    assert.deepEqual(parse(renderEntry({ ...base, ...change }, 99.94, '')), wanted)
  }
  for (const [ms, shown] of [
    [0, 0],
    [99.96, 100],
    [0.04, 0],
    [0.05, 0.1],
    [1e7 + 0.26, 1e7 + 0.3],
  ]) {
    assert.equal(parse(renderEntry(base, ms ?? 0, ''))['ms'], shown)
  }
})

function parse(line: string): Record<string, unknown> {
  assert.ok(line.endsWith('}\n'))
  return JSON.parse(line) as Record<string, unknown>
}
