/**
 * Readers for the values of `viaduct.json`: each takes a value with its place and returns it typed,
 * or throws `bad-manifest` with file, line, field, what came and what is wanted.
 */
import type { AppError } from '../../model/app-error.ts'
import { badJson, type Located } from './read-json.ts'

export type Reader<T> = (at: Located, field: string) => T

const file = 'viaduct.json'

/** @param wanted Ends the sentence "… wants": `a number from 1 to 5`. */
export function wrong(at: Located, field: string, wanted: string): AppError {
  return badJson({ file, line: at.line }, `"${field}" is ${shown(at.value)}, but wants ${wanted}`, {
    field,
  })
}

export function text(wanted: string, isValid: (value: string) => boolean): Reader<string> {
  return (at, field) => {
    if (typeof at.value === 'string' && isValid(at.value)) return at.value
    throw wrong(at, field, wanted)
  }
}

/** @param unit Named in the message: `milliseconds`; empty for plain counts. */
export function integer(min: number, max: number, unit = ''): Reader<number> {
  return (at, field) => {
    const value = at.value
    if (typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max) {
      return value
    }
    throw wrong(at, field, `a whole number${unit && ` of ${unit}`} from ${min} to ${max}`)
  }
}

export const truth: Reader<boolean> = (at, field) => {
  if (typeof at.value === 'boolean') return at.value
  throw wrong(at, field, 'true or false')
}

export function list<T>(element: Reader<T>): Reader<readonly T[]> {
  return (at, field) => {
    if (!at.elements) throw wrong(at, field, 'a list')
    return at.elements.map((each, index) => element(each, `${field}[${index}]`))
  }
}

/** An object whose keys the user chooses. `checkKey` throws for a key that is not allowed. */
export function record<T>(
  value: Reader<T>,
  checkKey: (key: string, at: Located, field: string) => void,
): Reader<Readonly<Record<string, T>>> {
  return (at, field) => {
    if (!at.members) throw wrong(at, field, 'an object')
    const entries = [...at.members].map(([key, member]) => {
      checkKey(key, member, `${field}.${key}`)
      return [key, value(member, `${field}.${key}`)] as const
    })
    return Object.fromEntries(entries)
  }
}

type Fields<T> = { readonly [K in keyof T]-?: Reader<Exclude<T[K], undefined>> }

/** An object with these keys and no others; a key that is not there is left out. */
export function object<T>(fields: Fields<T>): Reader<Partial<T>> {
  const readers = new Map<string, Reader<unknown>>(Object.entries(fields))
  return (at, field) => {
    if (!at.members) throw wrong(at, field || 'viaduct.json', 'an object')
    const entries: [string, unknown][] = []
    for (const [key, member] of at.members) {
      const name = field ? `${field}.${key}` : key
      const reader = readers.get(key)
      if (!reader) throw unknownKey(member, name, [...readers.keys()])
      entries.push([key, reader(member, name)])
    }
    return Object.fromEntries(entries) as Partial<T>
  }
}

function unknownKey(at: Located, field: string, known: readonly string[]): AppError {
  const near = nearest(field.split('.').at(-1) ?? '', known)
  const advice = near === null ? `wants one of ${known.join(', ')}` : `did you mean "${near}"?`
  return badJson({ file, line: at.line }, `"${field.slice(0, 80)}" is not a known key: ${advice}`, {
    field,
  })
}

/** The known word that `word` most likely was meant to be; null when none is close. */
export function nearest(word: string, known: readonly string[]): string | null {
  let best: string | null = null
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1
  for (const candidate of known) {
    const distance = editDistance(word.slice(0, 40).toLowerCase(), candidate.toLowerCase())
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance]
  }
  return best
}

/** Levenshtein's. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, at) => at)
  for (const [i, a] of [...from].entries()) {
    const next = [i + 1]
    for (const [j, b] of [...to].entries()) {
      const change = (row[j] ?? 0) + (a === b ? 0 : 1)
      next.push(Math.min(change, (row[j + 1] ?? 0) + 1, (next[j] ?? 0) + 1))
    }
    row = next
  }
  return row[to.length] ?? 0
}

function shown(value: unknown): string {
  if (value === undefined) return 'missing'
  const json = JSON.stringify(value)
  return json.length > 60 ? `${json.slice(0, 60)}…` : json
}
