import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { expandDotenv } from './expand-dotenv.ts'
import { parseDotenv } from './parse-dotenv.ts'

function expand(text: string, { above = {}, below = {} }: Partial<Record<string, object>> = {}) {
  const { lines, errors } = parseDotenv(text)
  assert.deepEqual(errors, [])
  const missing: string[] = []
  const values = expandDotenv(lines, {
    above: above as Record<string, string>,
    below: below as Record<string, string>,
    onMissing: ({ name, line }) => missing.push(`${line} ${name}`),
  })
  return { values, missing }
}

test('a name means the platform, then the file wherever it stands there, then what is below', () => {
  const { values, missing } = expand(
    'URL="http://$HOST:${PORT}/$LATER"\nLATER=x\nPORT=1\nPATH=$PATH:bin\nLANG=de\nL=$LANG$HOME',
    { above: { HOST: 'h', PORT: '20001' }, below: { PATH: '/bin', LANG: 'C', HOME: '/data' } },
  )
  assert.deepEqual(values, {
    URL: 'http://h:20001/x',
    LATER: 'x',
    PORT: '1',
    PATH: '/bin:bin',
    LANG: 'de',
    L: 'de/data',
  })
  assert.deepEqual(missing, [])
})

test('a default stands for what has no value or an empty one, and may hold others', () => {
  const text = 'A=${NO:-${EMPTY:-d$B}}!\nB=b\nEMPTY=\nC=${B:-x}\nD=$NO.\nE=${NO}'
  assert.deepEqual(expand(text), {
    values: { A: 'db!', B: 'b', EMPTY: '', C: 'b', D: '.', E: '' },
    missing: ['5 NO', '6 NO'],
  })
})

test('single quotes, a backslash and what is no name leave a "$" alone', () => {
  const text = 'A=\'$B ${B}\'\nC=\\$B\nD="\\${B}"\nE=$1 $ a$\nF=}{}\nB=b'
  assert.deepEqual(expand(text).values, {
    A: '$B ${B}',
    C: '$B',
    D: '${B}',
    E: '$1 $ a$',
    F: '}{}',
    B: 'b',
  })
})

test('of a key that is there twice, the last line counts everywhere', () => {
  assert.deepEqual(expand('A=1\nB=$A\nA=2').values, { A: '2', B: '2' })
})

test('circles are refused by name; a name in its own value is none', () => {
  const circle = { code: 'bad-dotenv', data: { file: '.env', line: 2, keys: ['A', 'B', 'C', 'A'] } }
  assert.throws(() => expand('X=$A\nA=$B\nB=${C:-1}\nC=$A'), circle)
  assert.throws(() => expand('A=$B\nB=$A'), { message: /line 1: "A" → "B" → "A" refer to each/ })
  assert.deepEqual(expand('A=$A$A', { below: { A: 'x' } }).values, { A: 'xx' })
  // What the platform says ends a circle: the file's value reaches nobody.
  const { values } = expand('PORT=$B\nB=$PORT', { above: { PORT: '1' } })
  assert.deepEqual(values, { PORT: '1', B: '1' })
})

test('a "${" that nothing closes is refused with its line', () => {
  for (const value of ['${', '${A', '${A:-', '${A:-${B}', '${1}', '${A-b}', '"${A B}"']) {
    assert.throws(() => expand(`X=1\nV=${value}`), {
      ...{ code: 'bad-dotenv', data: { file: '.env', line: 2 } },
      message: /^\.env line 2: "V" has a "\$\{" that is not \$\{NAME\} or/,
    })
  }
})

test('values that double and double again end with an error, soon', () => {
  const double = Array.from({ length: 40 }, (_, n) => `A${n}=$A${n + 1}$A${n + 1}`).join('\n')
  assert.throws(() => expand(`${double}\nA40=xxxxxxxxxx`), /grows to more than 130048 bytes/)
  const wide = Array.from({ length: 40 }, (_, n) => `B${n}=$LONG`).join('\n')
  assert.throws(() => expand(`LONG=${'x'.repeat(100_000)}\n${wide}`), /more than 1048576 bytes/)
  const many = `A=${'$B'.repeat(60_000)}`
  assert.equal(expand(`${many}\nB=x`).values['A']?.length, 60_000)
  assert.throws(() => expand(`A=${'${A:-'.repeat(20_000)}${'}'.repeat(20_000)}`), /11 deep in "A"/)
})

test('without references every value is as it was read', () => {
  const value = fc.string().map((text) => text.replace(/[$\0]/g, ''))
  const entry = fc.tuple(fc.stringMatching(/^[A-Z]{1,3}$/), value)
  fc.assert(
    fc.property(fc.array(entry), (entries) => {
      const lines = entries.map(([key, text], at) => {
        return { key, value: text, quote: 'double' as const, line: at + 1 }
      })
      const expanded = expandDotenv(lines, { above: {}, below: {} })
      assert.deepEqual(expanded, Object.fromEntries(entries))
    }),
  )
})
