import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { errorCatalogue } from '../model/error-catalogue.ts'
import { manifestField } from '../build/manifest/manifest-fields.ts'
import { renderOpenApi } from './openapi.ts'
import { allRoutes } from './routes.ts'

const render = (): object => renderOpenApi({ Manifest: manifestField.schema })
const golden = new URL('../../../../openapi.json', import.meta.url)

test('openapi.json is what the contract says', async () => {
  const text = await readFile(golden, 'utf8')
  const now = `${JSON.stringify(render(), null, 2)}\n`
  assert.equal(text, now, 'Run "node tools/write-openapi.ts" and read the difference')
})

test('every reference in openapi.json leads to a component', () => {
  const text = JSON.stringify(render())
  const { components } = JSON.parse(text) as { components: { schemas: object } }
  const references = [...text.matchAll(/"#\/components\/schemas\/([A-Za-z]+)"/g)]
  assert.ok(references.length > 20)
  for (const [, name = ''] of references) assert.ok(name in components.schemas, name)
})

test('routes differ in method and path, have scopes, and name errors of the catalogue', () => {
  const seen = new Set(allRoutes.map(([, route]) => `${route.method} ${route.path}`))
  assert.equal(seen.size, allRoutes.length)
  for (const [name, route] of allRoutes) {
    assert.ok(route.scope !== undefined, name)
    for (const code of route.errors) assert.ok(Object.hasOwn(errorCatalogue, code), code)
    const inPath = [...route.path.matchAll(/:([a-z]+)/g)].map((match) => match[1])
    assert.deepEqual(Object.keys(route.params.properties ?? {}), inPath, name)
  }
})

test('only the health check and the schema need no token', () => {
  const open = allRoutes.filter(([, route]) => route.scope === null).map(([name]) => name)
  assert.deepEqual(open, ['health.get', 'schema.get'])
})
