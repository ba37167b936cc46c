import assert from 'node:assert/strict'
import { test } from 'node:test'
import { mergeManifests } from './merge-manifests.ts'

test('the stronger manifest wins key by key, and entry by entry where the user names them', () => {
  const merged = mergeManifests(
    { version: 1, name: 'a', env: { A: '1', B: '1' }, scale: { web: 1 }, routes: ['web'] },
    { env: { B: '2' }, scale: { worker: 3 }, routes: ['api'], domain: ['a.de'] },
  )
  assert.deepEqual(merged, {
    version: 1,
    name: 'a',
    env: { A: '1', B: '2' },
    scale: { web: 1, worker: 3 },
    routes: ['api'],
    domain: ['a.de'],
  })
})
