/**
 * The contract as an OpenAPI 3.1 document: `openapi.json` at the root of the repository is this,
 * and a test fails when it differs.
 */
import { type ErrorCode, errorCatalogue } from '../model/error-catalogue.ts'
import { eventStreamType } from './event-stream.ts'
import { type HeaderName, headers } from './headers.ts'
import { problemType } from './problem.ts'
import { problemSchema } from './resources.ts'
import type { Answer, Route } from './route.ts'
import { allRoutes } from './routes.ts'
import type { JsonSchema } from './schema.ts'

type AnyRoute = Route<unknown, unknown, unknown, unknown>
type Components = Record<string, object>

/**
 * A JSON value, the same each time.
 *
 * @param foreign Schemas that the contract knows by their title only, by title.
 */
export function renderOpenApi(foreign: Readonly<Record<string, JsonSchema>>): object {
  const components: Components = {}
  const paths: Record<string, Record<string, object>> = {}
  for (const [name, route] of allRoutes) {
    const path = route.path.replace(/:([a-z]+)/gi, '{$1}')
    paths[path] = {
      ...paths[path],
      [route.method.toLowerCase()]: renderOperation(name, route, components),
    }
  }
  for (const [title, schema] of Object.entries(foreign)) refer({ ...schema, title }, components)
  return {
    openapi: '3.1.0',
    info: {
      title: 'Viaduct',
      version: '1',
      summary: 'Deploys apps to your own servers without dropping a request.',
    },
    servers: [{ url: 'http://127.0.0.1:8700' }],
    security: [{ bearer: [] }, { header: [] }],
    paths,
    components: {
      schemas: Object.fromEntries(Object.entries(components).sort(([a], [b]) => (a < b ? -1 : 1))),
      securitySchemes: {
        bearer: { type: 'http', scheme: 'bearer' },
        header: { type: 'apiKey', in: 'header', name: 'X-Auth-Token' },
      },
    },
  }
}

function renderOperation(name: string, route: AnyRoute, components: Components): object {
  const parameters = [
    ...renderParameters(route.params, 'path', components),
    ...renderParameters(route.query, 'query', components),
    ...route.headers.map((header) => renderHeader(header)),
  ]
  return {
    operationId: name,
    summary: route.summary,
    tags: [name.split('.')[0]],
    'x-scope': route.scope,
    ...(route.scope === null && { security: [] }),
    ...(parameters.length > 0 && { parameters }),
    ...(route.body !== null && { requestBody: renderBody(route.body, components) }),
    responses: {
      [route.answer.status]: renderAnswer(route.answer, components),
      ...renderErrors(route, components),
    },
  }
}

function renderParameters(schema: JsonSchema, place: string, components: Components): object[] {
  return Object.entries(schema.properties ?? {}).map(([name, property]) => ({
    name,
    in: place,
    required: place === 'path',
    schema: refer(property, components),
  }))
}

function renderHeader(name: HeaderName): object {
  const { description, ...schema } = headers[name]
  return { name, in: 'header', description, required: false, schema }
}

function renderBody(body: JsonSchema | 'upload', components: Components): object {
  if (body !== 'upload') return { content: { 'application/json': media(body, components) } }
  return { required: true, content: { 'application/gzip': {} } }
}

function renderAnswer(answer: Answer<unknown>, components: Components): object {
  const { description, kind, schema } = answer
  if (kind === 'none') return { description }
  const value = media(schema, components)
  if (kind === 'events') return { description, content: { [eventStreamType]: value } }
  if (kind === 'json') return { description, content: { 'application/json': value } }
  const text = { schema: { type: 'string' } }
  if (kind === 'text') return { description, content: { 'text/plain': text } }
  const lines = { 'text/plain': text, 'application/x-ndjson': value, [eventStreamType]: value }
  return { description, content: lines }
}

/** Codes by status; what any route may answer is said once per route too, as OpenAPI wants it. */
function renderErrors(route: AnyRoute, components: Components): object {
  const common: ErrorCode[] = route.scope === null ? [] : ['unauthorized', 'forbidden']
  const byStatus = new Map<number, Set<ErrorCode>>()
  for (const code of [...common, 'bad-request', ...route.errors] as const) {
    const { status } = errorCatalogue[code]
    byStatus.set(status, (byStatus.get(status) ?? new Set()).add(code))
  }
  const content = { [problemType]: media(problemSchema, components) }
  const entries = [...byStatus].map(([status, codes]) => [
    String(status),
    { description: [...codes].join(', '), content },
  ])
  return Object.fromEntries([...entries, ['default', { description: 'Any other error', content }]])
}

function media(schema: JsonSchema, components: Components): object {
  return { schema: refer(schema, components) }
}

/** The schema with each named part moved to the components. */
function refer(schema: JsonSchema, components: Components): object {
  const { title, ...rest } = schema
  const inner: Record<string, unknown> = { ...rest }
  if (rest.items) inner['items'] = refer(rest.items, components)
  if (rest.anyOf) inner['anyOf'] = rest.anyOf.map((each) => refer(each, components))
  if (typeof rest.additionalProperties === 'object') {
    inner['additionalProperties'] = refer(rest.additionalProperties, components)
  }
  if (rest.properties) {
    const entries = Object.entries(rest.properties)
    inner['properties'] = Object.fromEntries(
      entries.map(([name, each]) => [name, refer(withoutDefault(each), components)]),
    )
  }
  if (title === undefined) return inner
  components[title] = inner
  return { $ref: `#/components/schemas/${title}` }
}

/** Generators of clients take a property that has a default for one that is always there. */
function withoutDefault({ default: value, ...schema }: JsonSchema): JsonSchema {
  if (value === undefined) return schema
  const words = [schema.description, `Default: ${JSON.stringify(value)}`]
  return { ...schema, description: words.filter((one) => one !== undefined).join('. ') }
}
