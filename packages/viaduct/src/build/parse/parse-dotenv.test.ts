import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEnv } from 'node:util'
import fc from 'fast-check'
import { parseDotenv } from './parse-dotenv.ts'

function read(text: string): unknown {
  const { lines, errors } = parseDotenv(text)
  assert.deepEqual(errors, [])
  return lines.map(({ key, value, line, quote }) => [line, key, value, quote])
}

test('a .env file gives its variables in order, with line and quotes', () => {
  const text = [
    '\uFEFF# comment\r',
    '\r',
    'PLAIN=a b  # comment\r',
    'export URL = https://a.de/#x ',
    'EMPTY=',
    "SINGLE='a # $B \\n' # comment",
    'DOUBLE="a \\"b\\" \\\\ \\$C\\n"',
    'KEY="-----BEGIN',
    '# no comment',
    '-----END"',
    'LAST=1',
  ].join('\n')
  assert.deepEqual(read(text), [
    [3, 'PLAIN', 'a b', 'none'],
    [4, 'URL', 'https://a.de/#x', 'none'],
    [5, 'EMPTY', '', 'none'],
    [6, 'SINGLE', 'a # $B \\n', 'single'],
    [7, 'DOUBLE', 'a "b" \\ \\$C\n', 'double'],
    [8, 'KEY', '-----BEGIN\n# no comment\n-----END', 'double'],
    [11, 'LAST', '1', 'none'],
  ])
  assert.deepEqual(read(''), [])
})

test('every mistake is told with its line, and never with what is there', () => {
  const text = [
    'secret',
    'A-B=secret',
    '1A=secret',
    '__proto__=secret',
    'A="secret" secret',
    "B='secret",
    'C=se\0cret',
  ].join('\n')
  const { lines, errors } = parseDotenv(text)
  assert.deepEqual(lines, [])
  assert.deepEqual(
    errors.map(({ message }) => message.replace(/ wants A-Z.*/, '')),
    [
      '.env line 1: It is not KEY=VALUE',
      '.env line 2: The name before "="',
      '.env line 3: The name before "="',
      '.env line 4: The name before "="',
      '.env line 5: Text follows the closing "',
      ".env line 6: The ' is never closed",
      '.env line 7: There is a NUL in "C"',
    ],
  )
  assert.doesNotMatch(JSON.stringify(errors), /secret/)
})

test('a file of garbage, of too many variables and of a long value is bounded', () => {
  assert.equal(parseDotenv('?\n'.repeat(100_000)).errors.length, 50)
  assert.equal(parseDotenv('A="\n'.repeat(100_000)).errors.length > 0, true)
  const many = parseDotenv(Array.from({ length: 600 }, (_, at) => `A${at}=1`).join('\n'))
  assert.match(many.errors[0]?.message ?? '', /line 501: There are more than 500 variables/)
  const long = parseDotenv(`A=${'a'.repeat(127 * 1024 + 1)}`)
  assert.match(long.errors[0]?.message ?? '', /"A" has more than 130048 bytes/)
})

test('simple files mean what they mean to Node.js', () => {
  const key = fc.stringMatching(/^[A-Z][A-Z0-9_]{0,8}$/)
  const plain = fc.stringMatching(/^[a-z0-9./:-]{0,9}( [a-z0-9]{1,3})?$/)
  const value = fc.oneof(
    plain,
    plain.map((text) => `'${text} # x'`),
    plain.map((text) => `"${text}\n${text}"`),
  )
  fc.assert(
    fc.property(fc.dictionary(key, value), (variables) => {
      const text = Object.entries(variables)
        .map(([name, each]) => `${name}=${each}`)
        .join('\n')
      const mine = parseDotenv(text).lines.map(({ key, value }) => [key, value])
      assert.deepEqual(Object.fromEntries(mine), { ...parseEnv(text) })
    }),
  )
})
