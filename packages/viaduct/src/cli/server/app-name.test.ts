import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { slugAppName } from '../../model/ids.ts'
import { readAppName } from './app-name.ts'

test('a name from package.json becomes one that an app can have', () => {
  assert.equal(slugAppName('@acme/web'), 'web')
  assert.equal(slugAppName('My App_2'), 'my-app-2')
  assert.equal(slugAppName(`${'a'.repeat(39)}-b`), 'a'.repeat(39))
  assert.equal(slugAppName('日本'), null)
  assert.equal(slugAppName('../../etc'), 'etc')
})

test('viaduct.json comes before package.json, also with comments in it', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'viaduct-name-'))
  try {
    assert.equal(await readAppName(directory), null)
    await writeFile(join(directory, 'package.json'), '{ "name": "@acme/api" }')
    assert.equal(await readAppName(directory), 'api')
    await writeFile(join(directory, 'app.json'), '{ "name": "Small Tool" }')
    assert.equal(await readAppName(directory), 'small-tool')
    await writeFile(join(directory, 'viaduct.json'), '// the app\n{ "version": 1, "name": "shop" }')
    assert.equal(await readAppName(directory), 'shop')
    await writeFile(join(directory, 'viaduct.json'), '{ "version": 1, "name": "No Way" }')
    await assert.rejects(readAppName(directory), { code: 'bad-app-name' })
  } finally {
    await rm(directory, { recursive: true })
  }
})
