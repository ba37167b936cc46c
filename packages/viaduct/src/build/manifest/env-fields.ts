/** The field `env`: variables with their values, or with more to say. */
import { configKeysMax, configValueMaxBytes } from '../../model/limits.ts'
import type { Variable } from '../../model/manifest.ts'
import { byType, described, object, oneOf, record, text, truth } from './field.ts'

/** Of a variable. */
export const envValue = text('a string without NUL (write numbers and true as "3" and "true")', {
  maxLength: configValueMaxBytes,
  pattern: '^[^\\u0000]*$',
})

const variable = object<Variable>({
  value: described(envValue, 'Weaker than what is set on the server.'),
  required: described(truth, 'A deploy without a value fails before the build.', {
    default: false,
  }),
  generator: described(oneOf('secret'), '64 random digits, made by the first deploy, then kept.'),
  description: text('text', { maxLength: 1_000 }),
})

/** Of a record. */
export const byVariable = {
  pattern: '^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]*$',
  otherwise: 'is not a variable\'s name: use A-Z, a-z, 0-9 and "_", not a digit first',
  maxProperties: configKeysMax,
}

/** By name. */
export const env = record(
  byType<string | Variable>('a string (write numbers and true as "3" and "true")', {
    string: envValue,
    object: variable,
  }),
  byVariable,
)
