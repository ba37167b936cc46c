import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseEnvFile, parsePairs } from './parse-pairs.ts'

test('the value is all after the first "="', () => {
  assert.deepEqual(parsePairs(['K=a=b', 'EMPTY=', 'URL=http://x/?a=1&b=2']), {
    K: 'a=b',
    EMPTY: '',
    URL: 'http://x/?a=1&b=2',
  })
})

test('a word without "=" and a bad name are refused', () => {
  assert.throws(() => parsePairs(['KEY']), { code: 'bad-usage' })
  for (const word of ['1A=x', 'A-B=x', '=x', 'A B=x']) {
    assert.throws(() => parsePairs([word]), { code: 'bad-config-key' }, word)
  }
})

test('a .env file may have comments, export, quotes and values of several lines', () => {
  const text = '# note\nexport A=1\nB="two words"\nC=\'x=y\'\nD="1\n2"\n\nE=a=b # end\n'
  assert.deepEqual(
    { ...parseEnvFile(text, '.env') },
    {
      A: '1',
      B: 'two words',
      C: 'x=y',
      D: '1\n2',
      E: 'a=b',
    },
  )
  assert.throws(() => parseEnvFile('A=1\nB-C=2\n', '.env'), { code: 'bad-config-key' })
  assert.throws(() => parseEnvFile('# nothing\n', '.env'), { code: 'bad-usage' })
})
