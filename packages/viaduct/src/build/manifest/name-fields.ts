/** Names that several fields of the manifest have: apps, process types, shell lines. */
import { commandMaxChars, processTypesMax } from '../../model/limits.ts'
import { text } from './field.ts'

/** Of an app, and of a cron job. */
export const appName = text('1 to 40 of a-z, 0-9 and "-", with a letter or digit at both ends', {
  pattern: '^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$',
})

const typePattern = '^(?!__proto__$)[A-Za-z0-9_-]{1,32}$'
/** One that a Procfile may have. */
export const processType = text('a process type: 1 to 32 of A-Z, a-z, 0-9, "_" and "-"', {
  pattern: typePattern,
})
/** Of a record. */
export const byProcessType = {
  pattern: typePattern,
  otherwise: 'names no process type: use 1 to 32 of A-Z, a-z, 0-9, "_" and "-"',
  maxProperties: processTypesMax,
}

/** A line for `sh -c`. */
export const command = text(`a shell line of at most ${commandMaxChars} characters`, {
  maxLength: commandMaxChars,
  pattern: '^(?=\\s*\\S)[^\\u0000]*$',
})
