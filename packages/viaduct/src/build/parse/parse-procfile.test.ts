import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkProcfile, parseProcfile } from './parse-procfile.ts'

test('a Procfile may have line ends of any kind, and counts lines by them', () => {
  const types = Object.keys(parseProcfile('web: a\rworker: b\r\nclock: c\n'))
  assert.deepEqual(types, ['web', 'worker', 'clock'])
  assert.throws(() => parseProcfile('web: a\r\rworker'), { data: { file: 'Procfile', line: 3 } })
})

test('all mistakes of a Procfile are found, and the lines that are right are read', () => {
  const { processes, errors } = checkProcfile(
    '\uFEFFweb: a\r\nweb: b\r\nnode c\r\nworker: d\r\nclock:\r\n',
  )
  assert.deepEqual({ ...processes }, { web: 'a', worker: 'd' })
  assert.deepEqual(
    errors.map(({ message }) => message),
    [
      'Procfile line 2: "web" is already on line 1',
      'Procfile line 3: "node c" is not "TYPE: COMMAND"',
      'Procfile line 5: "clock" has no command',
    ],
  )
  assert.equal(checkProcfile('x\n'.repeat(100_000)).errors.length, 50)
})
