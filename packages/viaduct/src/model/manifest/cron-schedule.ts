/**
 * Reads a cron schedule: `minute hour day month weekday`, as crontab(5) has it, or `@daily` and its
 * like. It says when, not what; the time zone is the caller's.
 */
import { AppError } from '../app-error.ts'

/** Numbers in ascending order. */
export interface CronSchedule {
  /** 0 to 59. */
  readonly minutes: readonly number[]
  /** 0 to 23. */
  readonly hours: readonly number[]
  /** 1 to 31. */
  readonly days: readonly number[]
  /** 1 to 12. */
  readonly months: readonly number[]
  /** 0 (Sunday) to 6. */
  readonly weekdays: readonly number[]
  /** Both days and weekdays were given: one of them is enough, as in every cron. */
  readonly isEitherDay: boolean
}

interface Part {
  readonly name: string
  readonly min: number
  readonly max: number
  /** Words for numbers, from `min` on. */
  readonly words: readonly string[]
}

const monthNames = 'jan feb mar apr may jun jul aug sep oct nov dec'.split(' ')
const weekdayNames = 'sun mon tue wed thu fri sat'.split(' ')
const parts: readonly Part[] = [
  { name: 'minute', min: 0, max: 59, words: [] },
  { name: 'hour', min: 0, max: 23, words: [] },
  { name: 'day', min: 1, max: 31, words: [] },
  { name: 'month', min: 1, max: 12, words: monthNames },
  { name: 'weekday', min: 0, max: 7, words: weekdayNames },
]
const nicknames = new Map([
  ['@hourly', '0 * * * *'],
  ['@daily', '0 0 * * *'],
  ['@midnight', '0 0 * * *'],
  ['@weekly', '0 0 * * 0'],
  ['@monthly', '0 0 1 * *'],
  ['@yearly', '0 0 1 1 *'],
  ['@annually', '0 0 1 1 *'],
])
/** Of each month in a leap year. */
const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
const element = /^(?:\*|([0-9]{1,2}|[a-z]{3})(?:-([0-9]{1,2}|[a-z]{3}))?)(?:\/([0-9]{1,2}))?$/

/** @throws {AppError} `bad-schedule`, with the part that is wrong, or when it would never run. */
export function parseCronSchedule(text: string): CronSchedule {
  const fields = (nicknames.get(text.toLowerCase()) ?? text).trim().split(/[ \t]+/)
  if (fields.length !== parts.length) throw bad(text, 'is not "MINUTE HOUR DAY MONTH WEEKDAY"')
  const read = parts.map((part, at) => readPart(part, fields[at] ?? '', text))
  const [minutes = [], hours = [], days = [], months = [], weekdays = []] = read
  const isEitherDay = !fields[2]?.startsWith('*') && !fields[4]?.startsWith('*')
  const isPossible = months.some((month) => (days[0] ?? 1) <= (daysOfMonth[month - 1] ?? 31))
  if (!isEitherDay && !isPossible) throw bad(text, 'names a day that its months do not have')
  // Sunday is 0 and 7.
  const week = ascending(weekdays.map((day) => day % 7))
  return { minutes, hours, days, months, weekdays: week, isEitherDay }
}

function readPart(part: Part, field: string, text: string): readonly number[] {
  const numbers = field
    .toLowerCase()
    .split(',')
    .flatMap((one) => {
      const found = readElement(part, one)
      if (found.length > 0) return found
      throw bad(text, `has a ${part.name} that is none: "${one.slice(0, 20)}"`)
    })
  return ascending(numbers)
}

/** `*`, `5`, `1-5`, with a step such as `/2` after the first and the last. */
function readElement(part: Part, text: string): readonly number[] {
  const match = element.exec(text)
  if (!match) return []
  const [, first, last = first, step = '1'] = match
  const isOne = first !== undefined && first === last
  if (isOne && match[3] !== undefined) return []
  const from = first === undefined ? part.min : numberOf(part, first)
  const to = last === undefined ? part.max : numberOf(part, last)
  if (!(from >= part.min && to <= part.max && Number(step) > 0)) return []
  const count = Math.floor((to - from) / Number(step)) + 1
  return Array.from({ length: Math.max(count, 0) }, (_, at) => from + at * Number(step))
}

/** NaN for a word that names nothing. */
function numberOf({ words, min }: Part, text: string): number {
  const at = words.indexOf(text)
  return at === -1 ? Number(text) : at + min
}

function ascending(numbers: readonly number[]): readonly number[] {
  return [...new Set(numbers)].toSorted((a, b) => a - b)
}

function bad(text: string, what: string): AppError {
  return new AppError('bad-schedule', `${JSON.stringify(text.slice(0, 80))} ${what}`, {
    data: { field: 'schedule' },
  })
}
