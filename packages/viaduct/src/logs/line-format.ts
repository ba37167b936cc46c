/**
 * One line of a log file: `2026-11-21T05:59:00.123Z web.1 stdout text`.
 *
 * The writing side stamps bytes (`line-stamper.ts`) and never decodes them; this is the reading
 * side and what both agree on. Not for the platform's own logs, which are JSON.
 */
export type LogStream = 'stdout' | 'stderr'

export interface LogLine {
  /** ISO 8601 with milliseconds and `Z`: such texts sort by time. */
  readonly at: string
  /** `web.1`, `install` … `[A-Za-z0-9_.-]+` */
  readonly source: string
  readonly stream: LogStream
  readonly text: string
}

const stamped =
  /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) ([A-Za-z0-9_.-]+) (stdout|stderr) ([^]*)$/

/** What stands before the text, with the space after it. */
export function renderStamp(at: string, source: string, stream: LogStream): string {
  return `${at} ${source} ${stream} `
}

/** The line without its newline. */
export function renderLogLine(line: LogLine): string {
  return renderStamp(line.at, line.source, line.stream) + line.text
}

/** @param text One line without its newline. @returns null when it is not a stamped line. */
export function parseLogLine(text: string): LogLine | null {
  const [, at, source, stream, rest] = stamped.exec(text) ?? []
  if (at === undefined || source === undefined || rest === undefined) return null
  return { at, source, stream: stream as LogStream, text: rest }
}
