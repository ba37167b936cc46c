/**
 * Declares the fields of a manifest. One declaration reads a value with its place, and is the JSON
 * Schema of it for editors and other programs. Whatever is wrong is collected, not only the first.
 */
import type { JsonSchema } from '../../contract/schema.ts'
import { AppError } from '../../model/app-error.ts'
import { findingsMax } from '../../model/limits.ts'
import type { Located } from '../parse/read-json.ts'
import { nearest } from './nearest.ts'

export interface Field<T> {
  readonly schema: JsonSchema
  /**
   * @param name As in `scale.web`, for messages; '' for the whole.
   * @throws {Misfits}
   */
  readonly read: (at: Located, name: string) => T
}

/** A value that does not fit. */
export interface Misfit {
  /** From 1; 0 for a value that came without a text. */
  readonly line: number
  /** As in `domain[0].path`. */
  readonly field: string
  /** What came and what is wanted. */
  readonly message: string
  /** The schema does not see it: an unknown time zone, a regular expression that is none. */
  readonly isBeyondSchema: boolean
}

/** Thrown with at least one. */
export class Misfits extends Error {
  readonly all: readonly Misfit[]

  constructor(all: readonly Misfit[]) {
    super(all[0]?.message)
    this.all = all
  }
}

const nameMaxChars = 120

function misfit(at: Located, field: string, message: string): Misfits {
  const found = { line: at.line, field: field.slice(0, nameMaxChars), isBeyondSchema: false }
  const subject = found.field === '' ? 'It' : `"${found.field}"`
  return new Misfits([{ ...found, message: `${subject} ${message}` }])
}

/** @param wanted Ends the sentence "… wants": `a number from 1 to 5`. */
function wrong(at: Located, field: string, wanted: string): Misfits {
  return misfit(at, field, `is ${shown(at.value)}, but wants ${wanted}`)
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  if (Array.isArray(value)) return value.length === 0 ? '[]' : 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const json = JSON.stringify(value)
  return json.length > 60 ? `${json.slice(0, 60)}…` : json
}

/** Adds to the schema what people want to know. */
export function described<T>(
  field: Field<T>,
  description: string,
  more: Pick<JsonSchema, 'default' | 'examples'> = {},
): Field<T> {
  return { ...field, schema: { ...field.schema, description, ...more } }
}

/** @param rules.pattern Of the whole text; linear, and in the language that JSON Schema has. */
export function text(
  wanted: string,
  rules: Pick<JsonSchema, 'maxLength'> & { readonly pattern?: string } = {},
): Field<string> {
  const { maxLength = Infinity, pattern } = rules
  const expression = pattern === undefined ? null : new RegExp(pattern, 'u')
  return {
    schema: { type: 'string', ...rules },
    read: (at, name) => {
      const { value } = at
      if (typeof value === 'string' && lengthOf(value, maxLength) <= maxLength) {
        if (expression === null || expression.test(value)) return value
      }
      throw wrong(at, name, wanted)
    },
  }
}

/** JSON Schema counts code points; where the difference cannot matter, this does not. */
function lengthOf(value: string, max: number): number {
  return value.length > max && value.length <= 2 * max ? Array.from(value).length : value.length
}

/** One of these words. */
export function oneOf<const T extends string>(...values: readonly T[]): Field<T> {
  const known: readonly unknown[] = values
  const quoted = values.map((value) => `"${value}"`)
  const wanted = quoted.length > 2 ? `one of ${quoted.join(', ')}` : quoted.join(' or ')
  return {
    schema: { type: 'string', enum: values },
    read: (at, name) => {
      if (known.includes(at.value)) return at.value as T
      throw wrong(at, name, wanted)
    },
  }
}

/** @param unit Named in the message: `milliseconds`; empty for plain counts. */
export function integer(minimum: number, maximum: number, unit = ''): Field<number> {
  const wanted = `a whole number${unit && ` of ${unit}`} from ${minimum} to ${maximum}`
  return {
    schema: { type: 'integer', minimum, maximum },
    read: (at, name) => {
      const { value } = at
      const fits = typeof value === 'number' && Number.isInteger(value)
      if (fits && value >= minimum && value <= maximum) return value
      throw wrong(at, name, wanted)
    },
  }
}

export const truth: Field<boolean> = {
  schema: { type: 'boolean' },
  read: (at, name) => {
    if (typeof at.value === 'boolean') return at.value
    throw wrong(at, name, 'true or false')
  },
}

/** A list of at most so many. */
export function list<T>(element: Field<T>, maxItems: number): Field<readonly T[]> {
  return {
    schema: { type: 'array', items: element.schema, maxItems },
    read: (at, name) => {
      if (!at.elements) throw wrong(at, name, 'a list')
      if (at.elements.length > maxItems) {
        throw misfit(at, name, `has ${at.elements.length} elements, but wants at most ${maxItems}`)
      }
      return readEach(at.elements, (each, index) => element.read(each, `${name}[${index}]`))
    },
  }
}

export interface RecordRules {
  /** Of a key. */
  readonly pattern: string
  /** Ends the message for another one: `"env.A-B" …`. */
  readonly otherwise: string
  readonly maxProperties?: number
}

/** An object whose keys the user chooses. */
export function record<T>(
  value: Field<T>,
  { pattern, otherwise, maxProperties = 500 }: RecordRules,
): Field<Readonly<Record<string, T>>> {
  const expression = new RegExp(pattern, 'u')
  const { schema } = value
  return {
    schema: {
      type: 'object',
      propertyNames: { pattern },
      additionalProperties: schema,
      maxProperties,
    },
    read: (at, name) => {
      if (!at.members) throw wrong(at, name, 'an object')
      if (at.members.size > maxProperties) {
        throw misfit(at, name, `has ${at.members.size} keys, but wants at most ${maxProperties}`)
      }
      const entries = readEach(at.members, ([key, member]) => {
        const inner = `${name}.${key}`
        if (!expression.test(key)) throw misfit(member, inner, otherwise)
        return [key, value.read(member, inner)] as const
      })
      return Object.fromEntries(entries)
    },
  }
}

export type Fields<T> = { readonly [K in keyof T]-?: Field<Exclude<T[K], undefined>> }

/** An object with these keys and no others; one that is not there is left out. */
export function object<T>(
  fields: Fields<T>,
  required: readonly (keyof T & string)[] = [],
): Field<T> {
  const known = new Map<string, Field<unknown>>(Object.entries(fields))
  const properties = Object.fromEntries([...known].map(([key, { schema }]) => [key, schema]))
  const isRequired = required.length > 0 ? { required } : {}
  return {
    schema: { type: 'object', properties, ...isRequired, additionalProperties: false },
    read: (at, name) => {
      const { members } = at
      if (!members) throw wrong(at, name, 'an object')
      const nameOf = (key: string): string => (name === '' ? key : `${name}.${key}`)
      const missing = required.filter((key) => !members.has(key))
      const entries = readEach([...members.keys(), ...missing], (key) => {
        const member = members.get(key)
        if (!member) throw misfit(at, nameOf(key), 'is missing')
        const field = known.get(key)
        if (!field) throw unknownKey(member, nameOf(key), [...known.keys()])
        return [key, field.read(member, nameOf(key))] as const
      })
      return Object.fromEntries(entries) as T
    },
  }
}

function unknownKey(at: Located, name: string, known: readonly string[]): Misfits {
  const near = nearest(name.split('.').at(-1) ?? '', known)
  const advice = near === null ? `wants one of ${known.join(', ')}` : `did you mean "${near}"?`
  return misfit(at, name, `is not a known key: ${advice}`)
}

type Kind = 'string' | 'number' | 'boolean' | 'null' | 'object' | 'list'

/** Several ways to write a value, told apart by its type. */
export function byType<T>(wanted: string, fields: { readonly [K in Kind]?: Field<T> }): Field<T> {
  return {
    schema: { anyOf: Object.values(fields).map(({ schema }) => schema) },
    read: (at, name) => {
      const field = fields[kindOf(at)]
      if (!field) throw wrong(at, name, wanted)
      return field.read(at, name)
    },
  }
}

function kindOf(at: Located): Kind {
  if (at.elements) return 'list'
  return at.value === null ? 'null' : (typeof at.value as Kind)
}

/** One, or a list of them. */
export function oneOrMore<T>(element: Field<T>, maxItems: number): Field<readonly T[]> {
  const several = list(element, maxItems)
  return {
    schema: { anyOf: [element.schema, several.schema] },
    read: (at, name) => (at.elements ? several.read(at, name) : [element.read(at, name)]),
  }
}

/**
 * What the value is made of it, or checked for, beyond what a schema can say.
 *
 * @param parse Throws an `AppError` for a value that is wrong; with `data.field` it is about that
 *   part of an object.
 */
export function parsed<T, U>(field: Field<T>, parse: (value: T) => U): Field<U> {
  return {
    schema: field.schema,
    read: (at, name) => {
      const value = field.read(at, name)
      try {
        return parse(value)
      } catch (error) {
        if (!(error instanceof AppError)) throw error
        const part = error.data['field']
        const inner = at.members && typeof part === 'string' ? `${name}.${part}` : name
        const found = { line: at.line, field: inner, isBeyondSchema: true }
        throw new Misfits([{ ...found, message: `"${inner}": ${error.message}` }])
      }
    },
  }
}

/** All of them read; what is wrong with any is thrown together, up to about `findingsMax`. */
export function readEach<A, B>(all: Iterable<A>, read: (one: A, index: number) => B): B[] {
  const values: B[] = []
  const misfits: Misfit[] = []
  let index = 0
  for (const one of all) {
    if (misfits.length >= findingsMax) break
    try {
      values.push(read(one, index++))
    } catch (error) {
      if (!(error instanceof Misfits)) throw error
      misfits.push(...error.all)
    }
  }
  if (misfits.length > 0) throw new Misfits(misfits)
  return values
}
