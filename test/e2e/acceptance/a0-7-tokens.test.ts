/** A0.7: without a good token nothing happens. */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { test } from 'node:test'
import { dataLayout } from '../../../packages/viaduct/src/model/layout.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { startPlatform } from '../harness/start-platform.ts'

test('A0.7 a wrong, missing or revoked token gets 401 as JSON, and nothing is unpacked', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good')
  const { token, secret } = await platform.client.tokens.create({ name: 'gone' })
  await platform.client.tokens.revoke(token.id)
  const body = await app.pack()
  const headers: Record<string, string>[] = [
    {},
    { authorization: 'Bearer wrong' },
    { authorization: `Bearer ${secret}` },
    { 'x-auth-token': 'abc' },
  ]
  for (const header of headers) {
    const answer = await fetch(`${platform.apiUrl}/applications/good/deploys`, {
      method: 'POST',
      headers: { 'content-type': 'application/gzip', ...header },
      body,
    })
    assert.equal(answer.status, 401)
    assert.equal(((await answer.json()) as { code: string }).code, 'unauthorized')
  }
  assert.deepEqual(await platform.client.apps.list(), [])
  const { uploads, apps } = dataLayout(platform.dataDir)
  for (const folder of [uploads, apps]) {
    assert.deepEqual(await readdir(folder).catch(() => []), [], folder)
  }

  const cli = await platform.cli(['deploy', app.path], { env: { VIADUCT_TOKEN: 'wrong' } })
  assert.equal(cli.code, 3)
  const seedHeader = await fetch(`${platform.apiUrl}/applications`, {
    headers: { 'x-auth-token': platform.token },
  })
  assert.equal(seedHeader.status, 200, "The seed's header is understood")
})

test('A0.7 a token without the scope gets 403', async () => {
  await using platform = await startPlatform()
  const { secret } = await platform.client.tokens.create({ name: 'reader', scopes: ['read'] })
  const headers = { authorization: `Bearer ${secret}` }
  const read = await fetch(`${platform.apiUrl}/applications`, { headers })
  assert.equal(read.status, 200)
  const change = await fetch(`${platform.apiUrl}/applications/good`, { method: 'DELETE', headers })
  assert.equal(change.status, 403)
})
