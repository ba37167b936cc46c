import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseDotenv } from '../parse/parse-dotenv.ts'
import { publicPortOf } from './public-port.ts'

const none = { manifestEnv: {}, dotenv: [], groups: [], config: {} }

function ofFile(text: string) {
  return publicPortOf({ ...none, dotenv: parseDotenv(text).lines })
}

test('the strongest layer says which port, and where that stands', () => {
  const dotenv = parseDotenv('A=1\nPORT=3000').lines
  const all = { manifestEnv: { PORT: '1' }, dotenv, groups: [], config: {} }
  assert.equal(publicPortOf(none), null)
  assert.deepEqual(publicPortOf({ ...none, manifestEnv: { PORT: '1' } }), {
    ...{ number: 1, from: '"env" of the manifest' },
  })
  assert.deepEqual(publicPortOf(all), { number: 3000, from: '.env:2' })
  const groups = [{ name: 'g', config: { PORT: '4000' } }]
  assert.deepEqual(publicPortOf({ ...all, groups }), { number: 4000, from: 'config group g' })
  const config = { PORT: '65535' }
  assert.deepEqual(publicPortOf({ ...all, groups, config }), { number: 65_535, from: 'the config' })
  assert.equal(publicPortOf({ ...all, config: { PORT: '' } }), null)
})

test('a PORT that is made of $PORT asks for nothing', () => {
  for (const text of ['PORT=${PORT:-3000}', 'PORT=$PORT', 'PORT=$P\nP=$PORT']) {
    assert.equal(ofFile(text), null, text)
  }
  assert.equal(ofFile('PORT=${P:-3000}')?.number, 3000)
})

test('what is no port is refused, with what came and where it stands', () => {
  for (const text of ['abc', '0', '65536', '-1', '3000.5', '0x50', '1e3', '3000 80', '/tmp/s']) {
    assert.throws(() => ofFile(`PORT="${text}"`), {
      ...{ code: 'bad-port', data: { field: 'PORT', from: '.env:1' } },
      message: `PORT is ${JSON.stringify(text)}, said by .env:1`,
    })
  }
})
