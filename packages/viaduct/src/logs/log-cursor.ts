/**
 * Where a reader of several logs is, as a text that it can come back with: the place in each of
 * them, and how many of the older lines it has had when it was still being given those.
 *
 * `PLACE_PLACE~OLDER`; a place is `KEY-INODE-MARK-OFFSET`, all numbers to the base 36.
 */
import type { LogPosition } from './log-files.ts'

export interface LogCursor {
  /** By the key of the log: a release, or a slot. */
  readonly places: ReadonlyMap<number, LogPosition>
  /** Older lines that were given; null: all of them. */
  readonly older: number | null
}

const place = /^([0-9a-z]{1,9})-([0-9a-z]{1,11})-([0-9a-z]{1,7})-([0-9a-z]{1,11})$/
/** More logs than an app has, with a place each. */
const maxChars = 100_000

export function renderCursor({ places, older }: LogCursor): string {
  const all = [...places].map(([key, { inode, mark, offset }]) =>
    [key, inode, mark, offset].map((number) => number.toString(36)).join('-'),
  )
  return all.join('_') + (older === null ? '' : `~${older.toString(36)}`)
}

/** @returns null when it is none. */
export function parseCursor(text: string): LogCursor | null {
  if (text.length > maxChars) return null
  const [all = '', given, ...rest] = text.split('~')
  if (rest.length > 0 || (given !== undefined && !/^[0-9a-z]{1,9}$/.test(given))) return null
  const places = new Map<number, LogPosition>()
  for (const one of all === '' ? [] : all.split('_')) {
    const numbers = place
      .exec(one)
      ?.slice(1)
      .map((part) => Number.parseInt(part, 36))
    if (!numbers?.every(Number.isSafeInteger)) return null
    const [key = 0, inode = 0, mark = 0, offset = 0] = numbers
    places.set(key, { inode, mark, offset })
  }
  return { places, older: given === undefined ? null : Number.parseInt(given, 36) }
}
