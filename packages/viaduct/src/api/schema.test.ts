import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { openTestApi } from './open-test-api.suite.ts'

const published = new URL('../../../../docs/viaduct.schema.json', import.meta.url)

test('the schema of the manifest is there for editors, without a token', async () => {
  await using api = await openTestApi()
  const answer = await fetch(`${api.url}/schema/viaduct.json`)
  assert.equal(answer.status, 200)
  assert.match(answer.headers.get('content-type') ?? '', /^application\/json/)
  assert.deepEqual(await answer.json(), JSON.parse(await readFile(published, 'utf8')))
})
