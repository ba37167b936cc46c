/**
 * The fields of `app.json`, the manifest of Heroku and Dokku, that mean something here. Other keys
 * are let through: that file is for other platforms, too.
 */
import { instancesPerTypeMax } from '../../model/limits.ts'
import type { Located } from '../parse/read-json.ts'
import { byType, type Field, integer, list, object, oneOf, record, text, truth } from './field.ts'
import { schedule } from './cron-fields.ts'
import { byVariable, envValue } from './env-fields.ts'
import { byProcessType, command } from './name-fields.ts'

interface AppJsonVariable {
  readonly value?: string
  /** Default true when there is neither a value nor a generator. */
  readonly required?: boolean
  readonly generator?: 'secret'
  readonly description?: string
}

/** As Dokku has them; times are seconds. */
export interface AppJsonCheck {
  readonly type?: 'startup' | 'readiness' | 'liveness'
  readonly name?: string
  readonly path?: string
  readonly httpHeaders?: readonly { readonly name: string; readonly value: string }[]
  readonly attempts?: number
  readonly initialDelay?: number
  readonly timeout?: number
  readonly wait?: number
  readonly uptime?: number
}

interface AppJsonJob {
  /** A shell line, or a process type. */
  readonly command: string
  readonly schedule: string
  readonly concurrency_policy?: 'allow' | 'forbid' | 'replace'
}

export interface WrittenAppJson {
  /** For people: `Small Sharp Tool`. */
  readonly name?: string
  readonly env?: Readonly<Record<string, string | AppJsonVariable>>
  readonly formation?: Readonly<Record<string, { readonly quantity?: number }>>
  readonly scripts?: { readonly dokku?: { readonly predeploy?: string } }
  readonly healthchecks?: { readonly web?: readonly AppJsonCheck[] }
  readonly cron?: readonly AppJsonJob[]
}

const someText = text('text')
const seconds = integer(0, 3_600, 'seconds')

const variable = lenient(
  object<AppJsonVariable>({
    value: envValue,
    required: truth,
    generator: oneOf('secret'),
    description: someText,
  }),
)

const check = lenient(
  object<AppJsonCheck>({
    type: oneOf('startup', 'readiness', 'liveness'),
    name: someText,
    path: text('a path with a leading "/"', { pattern: '^/[\\x21-\\x7e]{0,1000}$' }),
    httpHeaders: list(
      lenient(object<{ name: string; value: string }>({ name: someText, value: someText })),
      100,
    ),
    attempts: integer(0, 1_000),
    initialDelay: seconds,
    timeout: seconds,
    wait: seconds,
    uptime: seconds,
  }),
)

const job = lenient(
  object<AppJsonJob>(
    { command, schedule, concurrency_policy: oneOf('allow', 'forbid', 'replace') },
    ['command', 'schedule'],
  ),
)

export const appJsonField: Field<WrittenAppJson> = lenient(
  object<WrittenAppJson>({
    name: someText,
    env: record(
      byType<string | AppJsonVariable>('a string, or an object', {
        string: envValue,
        object: variable,
      }),
      byVariable,
    ),
    formation: record(
      lenient(object<{ quantity?: number }>({ quantity: integer(0, instancesPerTypeMax) })),
      byProcessType,
    ),
    scripts: lenient(
      object<NonNullable<WrittenAppJson['scripts']>>({
        dokku: lenient(object<{ predeploy?: string }>({ predeploy: command })),
      }),
    ),
    healthchecks: lenient(
      object<NonNullable<WrittenAppJson['healthchecks']>>({ web: list(check, 100) }),
    ),
    cron: list(job, 100),
  }),
)

/** As the object's field; keys that it does not know are let through, and left out. */
function lenient<T>(field: Field<T>): Field<T> {
  const known = field.schema.properties ?? {}
  return {
    schema: { ...field.schema, additionalProperties: true },
    read: (at, name) =>
      field.read(at.members ? { ...at, members: pick(at.members, known) } : at, name),
  }
}

function pick(members: ReadonlyMap<string, Located>, known: object): ReadonlyMap<string, Located> {
  return new Map([...members].filter(([key]) => Object.hasOwn(known, key)))
}
