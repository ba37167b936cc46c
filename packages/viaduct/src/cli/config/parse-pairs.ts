/** `KEY=VALUE` words and `.env` files → variables. The value is all after the first "=". Pure. */
import { parseEnv } from 'node:util'
import { AppError } from '../../model/app-error.ts'

const keyPattern = /^[A-Za-z_][A-Za-z0-9_]*$/

/** @throws {AppError} `bad-usage`, `bad-config-key` */
export function parsePairs(words: readonly string[]): Record<string, string> {
  const pairs: Record<string, string> = {}
  for (const word of words) {
    const equals = word.indexOf('=')
    if (equals === -1) {
      throw new AppError('bad-usage', `${JSON.stringify(word)} is not KEY=VALUE`, {
        hint: 'Write KEY=VALUE; quote it for the shell when the value has spaces.',
      })
    }
    pairs[parseKey(word.slice(0, equals))] = word.slice(equals + 1)
  }
  return pairs
}

/** @throws {AppError} `bad-config-key` */
export function parseKey(text: string): string {
  if (keyPattern.test(text)) return text
  throw new AppError('bad-config-key', `${JSON.stringify(text)} is not the name of a variable`)
}

/**
 * Reads what `.env` files look like: comments, `export`, quotes, values of several lines.
 *
 * @throws {AppError} `bad-usage` when there is no variable in it, `bad-config-key`
 */
export function parseEnvFile(text: string, file: string): Record<string, string> {
  const pairs = parseEnv(text) as Record<string, string>
  for (const key of Object.keys(pairs)) parseKey(key)
  if (Object.keys(pairs).length === 0) {
    throw new AppError('bad-usage', `${file} has no line KEY=VALUE`, { data: { file } })
  }
  return pairs
}
