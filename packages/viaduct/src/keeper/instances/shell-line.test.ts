import assert from 'node:assert/strict'
import { test } from 'node:test'
import { shellArguments } from './shell-line.ts'

test('a single command takes the place of its shell', () => {
  for (const line of ['node app.js', '  ./run --port $PORT "a b"', 'npm start', 'sleep 1']) {
    assert.deepEqual(shellArguments(line), ['/bin/sh', '-c', `exec ${line}`])
  }
})

test('anything more is left to the shell as it is', () => {
  const lines = ['a && b', 'a; b', 'a | b', 'a > f', '(a)', 'a `b`', 'a $(b)', 'a\nb', 'a &']
  const words = ['cd x', 'exec a', 'X=1 a', '{ a', '! a', '"a" b', '', 'if a', 'exit 3', '$A b']
  for (const line of [...lines, ...words]) {
    assert.deepEqual(shellArguments(line), ['/bin/sh', '-c', line])
  }
})
