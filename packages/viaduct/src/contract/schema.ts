/**
 * The few JSON Schema forms that the contract uses, each with the TypeScript type of its values.
 *
 * Plain data, made by plain functions: it goes into `openapi.json` as it is, costs the daemon
 * nothing (typebox 1.4 takes 14 to 25 MB of private memory there, a sixth of what the whole
 * platform may have) and runs in a browser. Checking values is `check-value.ts`.
 */
import type { ErrorCode } from '../model/error-catalogue.ts'

export interface JsonSchema {
  /** A schema with a title is a component of `openapi.json`, referred to by that name. */
  readonly title?: string
  readonly description?: string
  readonly type?: 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean' | 'null'
  readonly enum?: readonly string[]
  readonly pattern?: string
  readonly minLength?: number
  readonly maxLength?: number
  readonly minimum?: number
  readonly maximum?: number
  readonly default?: unknown
  readonly examples?: readonly unknown[]
  readonly items?: JsonSchema
  readonly maxItems?: number
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: JsonSchema | boolean
  readonly propertyNames?: JsonSchema
  readonly minProperties?: number
  readonly maxProperties?: number
  readonly anyOf?: readonly JsonSchema[]
  /** Code of the error when a value does not fit; default `bad-request`. */
  readonly 'x-error'?: ErrorCode
}

declare const value: unique symbol

/** A schema whose values have type `T`. */
export interface Schema<T> extends JsonSchema {
  readonly [value]?: T
}

/** The type of a schema's values. */
export type ValueOf<S> = S extends Schema<infer T> ? T : never

type Shape = Readonly<Record<string, JsonSchema>>
type Fields<R extends Shape, O extends Shape> = {
  readonly [K in keyof R]: ValueOf<R[K]>
} & { readonly [K in keyof O]?: ValueOf<O[K]> }

/** An object with exactly these fields: unknown ones are refused. */
export function object<R extends Shape, O extends Shape = Record<never, never>>(
  required: R,
  optional?: O,
): Schema<Fields<R, O>> {
  return {
    type: 'object',
    properties: { ...required, ...optional },
    required: Object.keys(required),
    additionalProperties: false,
  }
}

/** An object of values under names that the user chose. */
export function record<T>(
  values: Schema<T>,
  rules: Pick<JsonSchema, 'propertyNames' | 'minProperties' | 'maxProperties'> = {},
): Schema<Readonly<Record<string, T>>> {
  return { type: 'object', additionalProperties: values, ...rules }
}

export function array<T>(
  items: Schema<T>,
  rules: Pick<JsonSchema, 'maxItems' | 'default' | 'description'> = {},
): Schema<readonly T[]> {
  return { type: 'array', items, ...rules }
}

type StringRules = Pick<
  JsonSchema,
  'pattern' | 'minLength' | 'maxLength' | 'description' | 'default' | 'x-error'
>

export function string(rules: StringRules = {}): Schema<string> {
  return { type: 'string', ...rules }
}

type NumberRules = Pick<JsonSchema, 'minimum' | 'maximum' | 'description' | 'default' | 'x-error'>

export function integer(rules: NumberRules = {}): Schema<number> {
  return { type: 'integer', ...rules }
}

export function number(rules: NumberRules = {}): Schema<number> {
  return { type: 'number', ...rules }
}

export function boolean(rules: Pick<JsonSchema, 'description' | 'default'> = {}): Schema<boolean> {
  return { type: 'boolean', ...rules }
}

export function oneOf<const T extends readonly string[]>(
  values: T,
  rules: Pick<JsonSchema, 'description' | 'default'> = {},
): Schema<T[number]> {
  return { type: 'string', enum: values, ...rules }
}

export function anyOf<A, B>(a: Schema<A>, b: Schema<B>): Schema<A | B> {
  return { anyOf: [a, b] }
}

export function nullable<T>(schema: Schema<T>): Schema<T | null> {
  return { anyOf: [schema, { type: 'null' }] }
}

/** Any JSON value. */
export function unknown(description: string): Schema<unknown> {
  return { description }
}

/** Gives a schema the name it has in `openapi.json`. */
export function named<T>(title: string, schema: Schema<T>): Schema<T> {
  return { title, ...schema }
}
