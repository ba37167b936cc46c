/**
 * The daemon's log: one JSON object per line on stdout, which the keeper appends to
 * `logs/daemon.platform.log`. The same shape as the keeper's own.
 */
import { writeSync } from 'node:fs'
import type { Log, LogFields } from '../model/log.ts'

const levels = ['debug', 'info', 'warn', 'error'] as const
type Level = (typeof levels)[number]

/** Field names whose values never reach a log, at any depth. */
const secret = /token|secret|password|authorization|cookie|^config$|^env$|^changes$/i

/** @param write Gets whole lines. Default: stdout. */
export function openLog(least: Level, write: (line: string) => void = writeToStdout): Log {
  const at = (level: Level) => {
    if (levels.indexOf(level) < levels.indexOf(least)) return () => {}
    return (event: string, fields: LogFields = {}): void => {
      const line = { time: new Date().toISOString(), level, event, pid: process.pid, ...fields }
      write(`${JSON.stringify(line, render)}\n`)
    }
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

function render(name: string, value: unknown): unknown {
  if (secret.test(name) && value !== null) return '[redacted]'
  if (!(value instanceof Error)) return value
  const { name: kind, message, stack, cause } = value
  return { name: kind, message, stack, cause, ...('code' in value && { code: value.code }) }
}

function writeToStdout(line: string): void {
  try {
    writeSync(1, line)
  } catch {
    // A full disk or a reader that is gone costs the line, never the daemon.
  }
}
