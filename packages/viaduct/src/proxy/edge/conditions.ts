/**
 * Conditions of a request for a file (RFC 9110 §13), in the order of §13.2.2: whether the client's
 * idea of the file still holds, then whether it has the file already, then whether a part will do.
 */
import { parseHttpDate } from './http-date.ts'
import type { Visit } from './visit.ts'

/** What tells one state of a file from another. */
export interface Validators {
  /** Strong, with its quotes. */
  readonly etag: string
  readonly mtime: Date
}

/** @returns `failed`: 412; `unchanged`: 304. */
export function judgeConditions(file: Validators, visit: Visit): 'failed' | 'unchanged' | 'met' {
  const match = visit.field('if-match')
  const holds =
    match === ''
      ? !(modifiedMs(file) > parseHttpDate(visit.field('if-unmodified-since')))
      : isAmong(file.etag, match)
  if (!holds) return 'failed'
  const noneMatch = visit.field('if-none-match')
  const isUnchanged =
    noneMatch === ''
      ? modifiedMs(file) <= parseHttpDate(visit.field('if-modified-since'))
      : isAmong(file.etag, noneMatch.replaceAll('W/"', '"'))
  return isUnchanged ? 'unchanged' : 'met'
}

/** Whether `Range` counts: the client has the rest of this very file. */
export function isRangeWanted(file: Validators, visit: Visit): boolean {
  if (visit.method !== 'GET') return false
  const condition = visit.field('if-range')
  if (condition === '' || condition === file.etag) return true
  return parseHttpDate(condition) === modifiedMs(file)
}

/** `Last-Modified` has whole seconds. */
function modifiedMs({ mtime }: Validators): number {
  return Math.floor(mtime.getTime() / 1000) * 1000
}

/** @param tags Of a field; weak ones are none of ours. */
function isAmong(etag: string, tags: string): boolean {
  return tags === '*' || tags.split(',').some((tag) => tag.trim() === etag)
}
