/**
 * Checks a value against a schema of the contract. Nothing is coerced, dropped or filled in: a
 * value fits or it is refused with the name of the field. Query strings, which are text by nature,
 * are read by `readQuery` as what their schema says, strictly.
 */
import { AppError } from '../model/app-error.ts'
import type { ErrorCode } from '../model/error-catalogue.ts'
import type { JsonSchema, Schema } from './schema.ts'

/** Where a value does not fit: `field` as `changes.LOG_LEVEL`, `''` for the whole. */
export interface Misfit {
  readonly field: string
  /** What was wanted and what came: `must be an integer, not "three"`. */
  readonly message: string
  readonly code: ErrorCode
}

/**
 * The first place where a value does not fit, or null.
 *
 * @param field The name that messages use for the whole value.
 */
export function findMisfit(schema: JsonSchema, value: unknown, field = ''): Misfit | null {
  const misfit = (message: string): Misfit => ({
    field,
    message,
    code: schema['x-error'] ?? 'bad-request',
  })
  if (schema.anyOf) return checkAnyOf(schema.anyOf, value, field)
  if (schema.type === undefined) return null
  if (!hasType(schema.type, value)) {
    return misfit(`must be ${article(schema.type)}, not ${show(value)}`)
  }
  if (typeof value === 'string') {
    const problem = checkString(schema, value)
    return problem === null ? null : misfit(problem)
  }
  if (typeof value === 'number') {
    const { minimum = -Infinity, maximum = Infinity } = schema
    const fits = value >= minimum && value <= maximum
    return fits ? null : misfit(`must be ${minimum} to ${maximum}, not ${value}`)
  }
  if (Array.isArray(value)) return checkArray(schema, value, field) ?? null
  if (typeof value === 'object' && value !== null) {
    return checkObject(schema, value as Record<string, unknown>, field)
  }
  return null
}

function checkAnyOf(options: readonly JsonSchema[], value: unknown, field: string): Misfit | null {
  const misfits = options.map((option) => findMisfit(option, value, field))
  if (misfits.includes(null)) return null
  // The misfit of the option that has the value's type says the most.
  const closest = options.findIndex((option) => option.type && hasType(option.type, value))
  return misfits[Math.max(closest, 0)] ?? null
}

function checkString(schema: JsonSchema, text: string): string | null {
  const { minLength = 0, maxLength = Infinity } = schema
  if (schema.enum && !schema.enum.includes(text)) {
    return `must be one of ${schema.enum.join(', ')}, not ${show(text)}`
  }
  if (text.length < minLength) return `must have at least ${minLength} characters`
  if (text.length > maxLength) return `must have at most ${maxLength} characters`
  if (schema.pattern === undefined || new RegExp(schema.pattern, 'u').test(text)) return null
  return `must match ${schema.pattern}, not be ${show(text)}`
}

function checkArray(schema: JsonSchema, values: readonly unknown[], field: string): Misfit | null {
  const { items, maxItems = Infinity } = schema
  if (values.length > maxItems) {
    return { field, message: `must have at most ${maxItems} items`, code: 'bad-request' }
  }
  for (const [index, value] of values.entries()) {
    const misfit = items ? findMisfit(items, value, join(field, String(index))) : null
    if (misfit) return misfit
  }
  return null
}

function checkObject(
  schema: JsonSchema,
  value: Readonly<Record<string, unknown>>,
  field: string,
): Misfit | null {
  const keys = Object.keys(value)
  const { minProperties = 0, maxProperties = Infinity } = schema
  const code = schema['x-error'] ?? 'bad-request'
  if (keys.length < minProperties || keys.length > maxProperties) {
    const message = `must have ${minProperties} to ${maxProperties} fields, not ${keys.length}`
    return { field, message, code }
  }
  for (const name of schema.required ?? []) {
    if (!Object.hasOwn(value, name))
      return { field: join(field, name), message: 'is missing', code }
  }
  for (const key of keys) {
    const misfit = checkProperty(schema, key, { value: value[key], field: join(field, key) })
    if (misfit) return misfit
  }
  return null
}

function checkProperty(
  schema: JsonSchema,
  key: string,
  { value, field }: { value: unknown; field: string },
): Misfit | null {
  const { properties = {}, additionalProperties = true, propertyNames } = schema
  const badName = propertyNames ? findMisfit(propertyNames, key) : null
  if (badName) return { ...badName, field, message: `has a name that ${badName.message}` }
  if (Object.hasOwn(properties, key)) return findMisfit(properties[key] ?? {}, value, field)
  if (typeof additionalProperties === 'object') {
    return findMisfit(additionalProperties, value, field)
  }
  if (additionalProperties) return null
  const known = Object.keys(properties).join(', ')
  const message = known === '' ? 'is not known' : `is not known; known are ${known}`
  return { field, message, code: 'bad-request' }
}

function hasType(type: NonNullable<JsonSchema['type']>, value: unknown): boolean {
  if (type === 'null') return value === null
  if (type === 'array') return Array.isArray(value)
  if (type === 'object') {
    return typeof value === 'object' && value !== null && !Array.isArray(value)
  }
  if (type === 'integer') return Number.isSafeInteger(value)
  if (type === 'number') return Number.isFinite(value)
  return typeof value === type
}

function article(type: string): string {
  if (type === 'null') return 'null'
  return /^[aeio]/.test(type) ? `an ${type}` : `a ${type}`
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 80 ? `${text.slice(0, 80)}…` : text
}

function join(field: string, name: string): string {
  const short = name.length > 80 ? `${name.slice(0, 80)}…` : name
  return field === '' ? short : `${field}.${short}`
}

/**
 * The value, now of the schema's type.
 *
 * @param where What it is part of, for messages: `body`, `query`, `path`.
 * @throws {AppError} The schema's code (`bad-request`), with `data.field`.
 */
export function checkValue<T>(schema: Schema<T>, value: unknown, where: string): T {
  const misfit = findMisfit(schema, value)
  if (misfit === null) return value as T
  const { field, message, code } = misfit
  const subject = field === '' ? `The ${where}` : `Field ${JSON.stringify(field)} of the ${where}`
  throw new AppError(code, `${subject} ${message}`, { data: { field: field || where } })
}

/**
 * Reads a query string by its schema: `3` for an integer, `true` for a boolean; names at most once.
 *
 * @throws {AppError} `bad-request`, with `data.field`.
 */
export function readQuery<T>(schema: Schema<T>, query: URLSearchParams): T {
  const value: Record<string, unknown> = Object.create(null)
  for (const [name, text] of query) {
    if (Object.hasOwn(value, name)) {
      const message = `Field ${JSON.stringify(name.slice(0, 80))} of the query is there twice`
      throw new AppError('bad-request', message, { data: { field: name.slice(0, 80) } })
    }
    const { properties = {} } = schema
    value[name] = readText(
      Object.hasOwn(properties, name) ? properties[name]?.type : 'string',
      text,
    )
  }
  return checkValue(schema, value, 'query')
}

function readText(type: JsonSchema['type'], text: string): unknown {
  if (type === 'integer' && /^-?[0-9]{1,16}$/.test(text)) return Number(text)
  if (type === 'boolean' && (text === 'true' || text === 'false')) return text === 'true'
  return text
}
