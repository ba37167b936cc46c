/**
 * Any failure as the two lines a user reads: `Error: what came and what was wanted`, then the hint.
 * A bug shows its stack, because somebody has to find it.
 */
import { AppError } from '../../model/app-error.ts'
import type { Terminal } from './terminal.ts'

/** Writes the error to stderr (one JSON line with `--json`). @returns The exit code for it. */
export function printError(terminal: Terminal, error: unknown): number {
  if (!(error instanceof AppError)) {
    const text = error instanceof Error ? (error.stack ?? error.message) : String(error)
    const message = 'This is a bug in Viaduct'
    if (terminal.json) terminal.note(JSON.stringify({ error: { code: 'internal', message: text } }))
    else terminal.note(`${terminal.paint('red', 'Error:')} ${message}\n${text}`)
    return 1
  }
  const { code, message, hint, data } = error
  if (terminal.json) terminal.note(JSON.stringify({ error: { code, message, hint, data } }))
  else terminal.note(renderError(error, terminal))
  return error.exitCode
}

function renderError(error: AppError, { paint }: Terminal): string {
  const first = `${paint('red', 'Error:')} ${error.message}`
  return error.hint === '' ? first : `${first}\n${paint('dim', 'Hint:')}  ${error.hint}`
}
