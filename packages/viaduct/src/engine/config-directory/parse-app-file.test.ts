import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseManifestBody } from '../../build/manifest/parse-manifest.ts'
import { parseAppFile } from './parse-app-file.ts'

const repo = '"repo": { "url": "https://example.org/shop.git" }'

test('A file is what the API takes, with comments; its name is the app unless it says one', () => {
  const text = `{ // the shop\n  ${repo}, "scale": { "web": 2 },\n}`
  const told = {
    name: 'shop',
    manifest: { repo: { url: 'https://example.org/shop.git' }, scale: { web: 2 } },
  }
  assert.deepEqual(parseAppFile(text, 'shop.json'), told)
  assert.equal(parseAppFile(`{ "name": "shop", ${repo} }`, 'Any.json').name, 'shop')
})

test('What is told of a file is equal to what the store gives back of it', () => {
  const all = {
    ...{ name: 'shop', repo: { url: 'https://example.org/shop.git', branch: 'main' } },
    domain: ['^shop.*', { host: 'shop.test', path: '/x' }],
    env: { A: 'b', KEY: { generator: 'secret' } },
    http: { rateLimit: { perClient: { requests: 5, perMs: 1000 } } },
    cron: [{ schedule: '@daily', command: 'true' }],
    ...{ port: { number: 9000, direct: true }, static: 'public', health: { path: '/up' } },
    ...{ overlap: { worker: false }, warm: { releases: 2 }, timeouts: { readyTimeoutMs: 5 } },
    ...{ limits: { openFiles: 99 }, placement: { nodes: ['a'] }, packages: ['git'], user: 'www' },
  }
  const { manifest } = parseAppFile(JSON.stringify(all), 'shop.json')
  assert.deepStrictEqual(manifest, JSON.parse(JSON.stringify(manifest)))
  const { name: _, version: __, ...body } = parseManifestBody(all)
  assert.deepEqual(manifest, body)
})

const mistakes = [
  ['{\n  "repo": 5\n}', 2, 'repo', /^shop\.json line 2: /],
  ['{\n\n  "scale": { "web": -1 }\n}', 3, 'scale.web', /scale\.web/],
  ['{ "scale": {\n "web": -1 },\n "x": 1 }', 2, 'scale.web', /scale\.web/],
  ['{\n "repo": {\n  "url": "https://u:p@example.org/x" } }', 3, 'repo.url', /password/],
  ['{\n', 2, undefined, /not JSON/],
  ['[]', 1, '', /object/],
] as const

for (const [text, line, field, words] of mistakes) {
  test(`A mistake is named by file, line and field: ${JSON.stringify(text)}`, () => {
    assert.throws(
      () => parseAppFile(text, 'shop.json'),
      (error: Error & { data: Record<string, unknown> }) => {
        assert.match(error.message, words)
        const { data } = error
        assert.deepEqual([data['file'], data['line'], data['field']], ['shop.json', line, field])
        return true
      },
    )
  })
}

test('The hint counts the other mistakes', () => {
  const text = '{ "repo": 5, "scale": 5, "x": 1 }'
  assert.throws(() => parseAppFile(text, 'shop.json'), { hint: 'There are 2 mistakes more.' })
})

test('A file whose name is none of an app must say one', () => {
  assert.throws(() => parseAppFile(`{ ${repo} }`, 'My shop.json'), { code: 'bad-app-name' })
})
