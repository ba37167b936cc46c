/** What a request for a file gets: all of it, a part, or word that the client has it already. */
import type { ResponseHead } from '../http/response-head.ts'
import { acceptsCoding } from './accepts-coding.ts'
import { isRangeWanted, judgeConditions, type Validators } from './conditions.ts'
import { localHead } from './local-head.ts'
import { parseRange, type Range } from './parse-range.ts'
import type { Visit } from './visit.ts'

/** Beside `style.css` may stand `style.css.br`; the first one that the client accepts is sent. */
export const encodings = [
  { name: 'br', suffix: '.br' },
  { name: 'zstd', suffix: '.zst' },
  { name: 'gzip', suffix: '.gz' },
] as const

export interface KnownFile extends Validators {
  readonly path: string
  readonly size: number
}

/** What a path of a request stands for. */
export interface Resource {
  readonly plain: KnownFile
  readonly type: string
  readonly encoded: ReadonlyMap<string, KnownFile>
}

export interface Reply {
  readonly head: ResponseHead
  readonly file: KnownFile
  /** What of the file is the body; null: nothing. */
  readonly range: Range | null
}

/** @param visit GET or HEAD. */
export function replyTo({ plain, type, encoded }: Resource, visit: Visit): Reply {
  const coding = encoded.size === 0 ? '' : accepted(visit.field('accept-encoding'), encoded)
  const file = encoded.get(coding) ?? plain
  const always = [
    `ETag: ${file.etag}`,
    `Last-Modified: ${file.mtime.toUTCString()}`,
    'Cache-Control: public, max-age=0, must-revalidate',
    ...(encoded.size > 0 ? ['Vary: Accept-Encoding'] : []),
  ]
  const judged = judgeConditions(file, visit)
  if (judged === 'failed') {
    return { file, range: null, head: headOf(412, ['412 Precondition Failed', ...always], 0) }
  }
  if (judged === 'unchanged') {
    return { file, range: null, head: headOf(304, ['304 Not Modified', ...always], 0) }
  }
  const range = isRangeWanted(file, visit) ? parseRange(visit.field('range'), file.size) : null
  if (range === 'unsatisfiable') {
    const lines = ['416 Range Not Satisfiable', ...always, `Content-Range: bytes */${file.size}`]
    return { file, range: null, head: headOf(416, lines, 0) }
  }
  const described = [
    ...always,
    `Content-Type: ${type}`,
    'X-Content-Type-Options: nosniff',
    'Accept-Ranges: bytes',
    ...(coding === '' ? [] : [`Content-Encoding: ${coding}`]),
  ]
  if (range === null) {
    const whole = { start: 0, end: file.size }
    return { file, range: whole, head: headOf(200, ['200 OK', ...described], file.size) }
  }
  const { start, end } = range
  const part = `Content-Range: bytes ${start}-${end - 1}/${file.size}`
  return {
    file,
    range,
    head: headOf(206, ['206 Partial Content', ...described, part], end - start),
  }
}

function headOf(status: number, lines: readonly string[], length: number): ResponseHead {
  return localHead(status, lines.map((line) => `${line}\r\n`).join(''), length)
}

function accepted(field: string, encoded: ReadonlyMap<string, KnownFile>): string {
  const takes = (name: string): boolean => acceptsCoding(field, name)
  return encodings.find(({ name }) => encoded.has(name) && takes(name))?.name ?? ''
}
