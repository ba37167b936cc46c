import assert from 'node:assert/strict'
import { test } from 'node:test'
import { compareVersions, newestIn, parseRange, satisfies } from './version-range.ts'

const versions = ['0.0.3', '0.1.9', '0.2.3', '1.2.3', '1.9.0', '18.0.0', '18.20.4', '20.1.0']
const all = [...versions, '20.19.0', '21.7.3', '22.12.0', '24.21.0']

/** What npm's own semver says of each. */
const expected: Readonly<Record<string, readonly string[]>> = {
  '20': ['20.1.0', '20.19.0'],
  '20.x': ['20.1.0', '20.19.0'],
  'v20.1.0': ['20.1.0'],
  '=20.1.0': ['20.1.0'],
  '^18.12': ['18.20.4'],
  '~20.1': ['20.1.0'],
  '~> 20.1': ['20.1.0'],
  '>=18 <21': ['18.0.0', '18.20.4', '20.1.0', '20.19.0'],
  '>= 20.2': ['20.19.0', '21.7.3', '22.12.0', '24.21.0'],
  '>20': ['21.7.3', '22.12.0', '24.21.0'],
  '>20.1.0 <=22': ['20.19.0', '21.7.3', '22.12.0'],
  '18 || >=22': ['18.0.0', '18.20.4', '22.12.0', '24.21.0'],
  '1.2.3 - 18.0': ['1.2.3', '1.9.0', '18.0.0'],
  '^0.2.1': ['0.2.3'],
  '^0.0.3': ['0.0.3'],
  '^0.1': ['0.1.9'],
  '^0': ['0.0.3', '0.1.9', '0.2.3'],
  '<1': ['0.0.3', '0.1.9', '0.2.3'],
  '*': all,
  '': all,
  x: all,
  '^20.1.0-rc.1': ['20.1.0', '20.19.0'],
  '<*': [],
  '>=99': [],
}

test('a range takes what npm takes', () => {
  for (const [text, wanted] of Object.entries(expected)) {
    const range = parseRange(text)
    assert.ok(range, text)
    assert.deepEqual(
      all.filter((version) => satisfies(version, range)),
      wanted,
      text,
    )
  }
})

test('the newest in a range is by number; a pre-release is never chosen', () => {
  const range = parseRange('^20')!
  assert.equal(newestIn(['20.9.0', '20.10.0', '20.11.0-rc.1'], range), '20.10.0')
  assert.equal(newestIn(['18.0.0'], range), null)
  assert.deepEqual(['9.0.0', '10.0.0', '9.10.0'].toSorted(compareVersions), [
    '9.0.0',
    '9.10.0',
    '10.0.0',
  ])
})

test('what is no range is none, however long it is', () => {
  const long = '>=1 '.repeat(100_000)
  for (const text of ['latest', '20.1.2.3', '>>1', '20 -', '1e3', '20; rm -rf /', '٢٠', long]) {
    assert.equal(parseRange(text), null, text.slice(0, 20))
  }
})
