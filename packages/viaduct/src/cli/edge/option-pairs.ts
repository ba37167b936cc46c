/** `rateLimit.perClient.requests=100` and the like, to options of the API. Pure. */
import { AppError } from '../../model/app-error.ts'

type Options = Readonly<Record<string, unknown>>

export interface OptionPair {
  /** `rateLimit`, `perClient`, `requests`. */
  readonly path: readonly string[]
  readonly value: unknown
}

/** Values that are lists, also when only one is given. */
const lists: ReadonlySet<string> = new Set(['allow', 'deny'])

/** @throws {AppError} `bad-usage` */
export function parseOptionPairs(words: readonly string[]): OptionPair[] {
  return words.map((word) => {
    const at = word.indexOf('=')
    const key = word.slice(0, at)
    if (at > 0 && word.length === at + 1) throw emptyValue(key)
    if (at > 0 && /^[A-Za-z0-9]+(?:\.[A-Za-z0-9]+)*$/.test(key) && !key.includes('__proto__')) {
      return { path: key.split('.'), value: parseValue(word.slice(at + 1), lists.has(key)) }
    }
    throw new AppError('bad-usage', `${JSON.stringify(word)} is not KEY=VALUE`, {
      hint: 'For example compress=true, or rateLimit.perClient.requests=100.',
    })
  })
}

/** An empty `allow` would lock everybody out; it is meant to end the list. */
function emptyValue(key: string): AppError {
  return new AppError('bad-usage', `${JSON.stringify(`${key}=`)} has no value`, {
    hint: `To have it as the manifest says: viaduct http unset ${key.split('.')[0]}`,
  })
}

/** JSON when it is, else text. */
function parseValue(text: string, isList: boolean): unknown {
  try {
    return JSON.parse(text)
  } catch {
    // Nobody wants to quote names and addresses.
    return isList ? text.split(',').filter((part) => part !== '') : text
  }
}

/** @param now What is in force. @returns Changes: the keys that the pairs touch, whole. */
export function mergePairs(now: Options, pairs: readonly OptionPair[]): Options {
  const changes: Record<string, unknown> = {}
  for (const { path, value } of pairs) {
    const [key = '', ...rest] = path
    const before = Object.hasOwn(changes, key) ? changes[key] : now[key]
    changes[key] = put(before, rest, value)
  }
  return changes
}

function put(before: unknown, path: readonly string[], value: unknown): unknown {
  const [key, ...rest] = path
  if (key === undefined) return value
  const isObject = typeof before === 'object' && before !== null && !Array.isArray(before)
  const object = isObject ? (before as Record<string, unknown>) : {}
  return { ...object, [key]: put(object[key], rest, value) }
}
