import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseProcfile } from './parse-procfile.ts'

test('a Procfile may have line ends of any kind, and counts lines by them', () => {
  const types = Object.keys(parseProcfile('web: a\rworker: b\r\nclock: c\n'))
  assert.deepEqual(types, ['web', 'worker', 'clock'])
  assert.throws(() => parseProcfile('web: a\r\rworker'), { data: { file: 'Procfile', line: 3 } })
})
