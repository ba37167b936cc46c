/**
 * Every string that a request of the contract can have, in turn, is one that shells, paths, options
 * and object keys could trip over: in the path, the query, the header and anywhere in the body.
 */
import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import fc from 'fast-check'
import { manifestField } from '../build/manifest/manifest-fields.ts'
import type { Route } from '../contract/route.ts'
import { allRoutes, type RouteName } from '../contract/routes.ts'
import type { JsonSchema } from '../contract/schema.ts'
import { openTestApi, type TestApi } from './open-test-api.suite.ts'

const parts = [
  ...[';', '$(id)', '`id`', '|', '&', '\n', '\r\nX-Evil: 1', '\0', '../', '/', '\\', '-x', '--'],
  ...['__proto__', 'constructor', 'ext::sh -c id', 'file:///etc/passwd', '--upload-pack=id'],
  ...["'", '"', ' ', '%00', '*', '~', '\u2028', 'https://a:b@c/d', 'a'.repeat(5_000)],
]
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...parts), fc.string({ maxLength: 4 })), {
    ...{ minLength: 1, maxLength: 3 },
  })
  .map((some) => some.join(''))

/** Bodies that are taken, so that the one string is what is looked at. */
const bodies: Partial<Record<RouteName, object>> = {
  'apps.create': { name: 'made' },
  'config.set': { changes: { A: 'x' } },
  'formation.scale': { web: 1 },
  'routes.replace': { routes: [] },
  'certificates.add': { certificate: 'x', privateKey: 'x' },
  'tokens.create': { name: 'x' },
}

let api: TestApi
let files: string[]
before(async () => {
  api = await openTestApi()
  await api.client.deploys.create('shop', Buffer.from('x'))
  files = await readdir(api.layout.root, { recursive: true })
})
after(() => api[Symbol.asyncDispose]())

type AnyRoute = Route<unknown, unknown, unknown, unknown>
type Put = (text: string) => Promise<Response>

/** A request for each string that the route can have. */
function placesOf(name: RouteName, route: AnyRoute): Map<string, Put> {
  const places = new Map<string, Put>()
  const body = bodies[name]
  const path = (replaced: Record<string, string> = {}): string =>
    route.path.replace(/:([a-z]+)/gi, (_, key: string) =>
      encodeURIComponent(replaced[key] ?? { name: 'shop', stream: 'app' }[key] ?? 'd000000000000'),
    )
  for (const key of Object.keys(route.params.properties ?? {})) {
    // One that is valid would be another request, e.g. one that destroys the app.
    places.set(`path ${key}`, (text) => send(route, path({ [key]: `${text};` }), { body }))
  }
  for (const key of Object.keys(route.query.properties ?? {})) {
    const search = (text: string): string => new URLSearchParams([[key, text]]).toString()
    places.set(`query ${key}`, (text) => send(route, `${path()}?${search(`${text};`)}`, { body }))
  }
  for (const header of route.headers) {
    places.set(`header ${header}`, (text) =>
      send(route, path(), { body, headers: { [header]: text.replace(/[^\x20-\xff]/g, '?') } }),
    )
  }
  const schema = isManifest(route) ? manifestField.schema : route.body
  for (const fill of typeof schema === 'object' && schema ? fillsOf(schema) : []) {
    places.set(`body ${fill.where}`, (text) => {
      const filled = { ...body, ...(fill.make(text) as object) }
      return send(route, path(), { body: filled })
    })
  }
  return places
}

function isManifest({ body }: AnyRoute): boolean {
  return typeof body === 'object' && body?.title === 'Manifest'
}

interface Fill {
  readonly where: string
  readonly make: (text: string) => unknown
}

/** Values of a schema with a stranger's string in one place of each. */
function fillsOf(schema: JsonSchema): Fill[] {
  const alternatives = (schema.anyOf ?? []).flatMap((each) => fillsOf(each))
  if (schema.type === undefined && alternatives.length === 0)
    return [{ where: '', make: (text) => text }]
  if (schema.type === 'string') return [{ where: '', make: (text) => text }]
  const within = (
    schema_: JsonSchema,
    key: string,
    make: (value: unknown, text: string) => unknown,
  ) =>
    fillsOf(schema_).map((fill) => ({
      where: `${key}.${fill.where}`,
      make: (text: string) => make(fill.make(text), text),
    }))
  const properties = Object.entries(schema.properties ?? {}).flatMap(([key, each]) =>
    within(each, key, (value) => own(key, value)),
  )
  const items = schema.items ? within(schema.items, '[]', (value) => [value]) : []
  const more = schema.additionalProperties
  const keys: Fill[] =
    typeof more === 'object'
      ? [
          { where: 'KEY', make: (text) => own(text, 1) },
          { where: 'KEY text', make: (text) => own(text, 'x') },
          ...within(more, 'VALUE', (value) => ({ A: value, web: value })),
        ]
      : [{ where: 'unknown KEY', make: (text) => own(text, 1) }]
  return [...alternatives, ...properties, ...items, ...(schema.type === 'object' ? keys : [])]
}

/** A property of its own, also when the key is `__proto__`. */
function own(key: string, value: unknown): object {
  return Object.fromEntries([[key, value]])
}

let places = 0
for (const [name, route] of allRoutes) {
  if (route.answer.kind === 'events') continue // A stream of the same parameters as others.
  test(`no string of ${name} has an effect of its own`, async () => {
    for (const [where, put] of placesOf(name, route)) {
      places++
      const property = fc.asyncProperty(hostile, async (text) => {
        const answer = await put(text)
        const body = await answer.text()
        assert.ok(
          answer.status < 500 || answer.status === 503,
          `${where}: ${answer.status} ${body}`,
        )
        assert.equal(answer.headers.get('x-evil'), null)
        assert.deepEqual(Object.keys(Object.prototype), [])
        assert.equal(({} as Record<string, unknown>)['x'], undefined)
      })
      await fc.assert(property, { numRuns: 12 })
    }
    assert.deepEqual(await readdir(api.layout.root, { recursive: true }), files)
  })
}

test('there were many places', () => assert.ok(places > 150, String(places)))

async function send(
  route: AnyRoute,
  path: string,
  { body, headers }: { body?: object | undefined; headers?: Record<string, string> } = {},
): Promise<Response> {
  const isUpload = route.body === 'upload'
  const text = isUpload ? 'x' : body && JSON.stringify(body)
  const type = isUpload ? 'application/gzip' : 'application/json'
  return await fetch(api.url + path, {
    method: route.method,
    headers: {
      authorization: `Bearer ${api.token}`,
      ...(text !== undefined && { 'content-type': type }),
      ...headers,
    },
    ...(text !== undefined && { body: text }),
    signal: AbortSignal.timeout(20_000),
  })
}
