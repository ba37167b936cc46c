import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseManifest } from './parse-manifest.ts'

function parse(field: string, value: unknown): void {
  const [outer = '', inner] = field.split('.')
  parseManifest(JSON.stringify({ [outer]: inner === undefined ? value : { [inner]: value } }))
}

test('numbers are taken from the least to the largest that is allowed', () => {
  const ranges: [string, number, number][] = [
    ['scale.web', 0, 100],
    ['warm.releases', 0, 5],
    ['warm.forMs', 0, 86_400_000],
    ['timeouts.readyTimeoutMs', 1, 3_600_000],
    ['timeouts.drainTimeoutMs', 0, 3_600_000],
    ['timeouts.stopTimeoutMs', 0, 3_600_000],
    ['timeouts.minUptimeMs', 0, 3_600_000],
  ]
  for (const [field, least, largest] of ranges) {
    parse(field, least)
    parse(field, largest)
    assert.throws(() => parse(field, least - 1), { code: 'bad-manifest' }, field)
    assert.throws(() => parse(field, largest + 1), { code: 'bad-manifest' }, field)
  }
  for (const timeoutMs of [1, 60_000]) parse('health', { path: '/', timeoutMs })
  for (const timeoutMs of [0, 60_001]) {
    assert.throws(() => parse('health', { path: '/', timeoutMs }), { code: 'bad-manifest' })
  }
})

test('texts that could not be sent or kept are refused, and shown cut', () => {
  const label = 'a'.repeat(62)
  parse('domain', [label, label, label, label].join('.'))
  parse('health', { path: `/${'a'.repeat(1_000)}`, host: 'Hello.test' })
  const wrong: [string, unknown][] = [
    ['domain', [label, label, label, label, 'aaa'].join('.')],
    ['health', { path: `/${'a'.repeat(1_001)}` }],
    ['health', { path: '/', host: 'a b' }],
    ['env.A', 'a\0b'],
  ]
  for (const [field, value] of wrong) {
    assert.throws(() => parse(field, value), { code: 'bad-manifest' }, field)
  }
  assert.throws(
    () => parse('name', 'A'.repeat(10_000)),
    (error: Error) => error.message.length < 250,
  )
})
