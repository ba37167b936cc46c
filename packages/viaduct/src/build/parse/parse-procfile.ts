/**
 * Reads a Procfile by foreman's rules: a line is `TYPE: COMMAND`, "#" starts a comment line.
 * What foreman skips silently (a line it cannot read, a type that is there twice) is an error here.
 */
import { AppError } from '../../model/app-error.ts'
import { type ProcessType, parseProcessType } from '../../model/ids.ts'
import { findingsMax, processTypesMax } from '../../model/limits.ts'

/** Process type → the user's own shell line, in the order of the file. */
export type Processes = Readonly<Record<ProcessType, string>>

const entry = /^([A-Za-z0-9_-]+)[ \t]*:[ \t]*(.*)$/

/**
 * @param text The whole file; a byte order mark and CRLF are fine.
 * @returns At least one process type.
 * @throws {AppError} `bad-procfile` with `data.line`, from 1: the first mistake.
 */
export function parseProcfile(text: string): Processes {
  const { processes, errors } = checkProcfile(text)
  const [first] = errors
  if (first) throw first
  return processes
}

/** The lines that can be read, and everything that is wrong, in the order of the lines. */
export function checkProcfile(text: string): {
  readonly processes: Processes
  readonly errors: readonly AppError[]
} {
  const found = new Map<ProcessType, { command: string; line: number }>()
  const errors: AppError[] = []
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  for (const [at, raw] of lines.entries()) {
    if (errors.length >= findingsMax) break
    try {
      readLine(raw.trim(), at + 1, found)
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      errors.push(error)
    }
  }
  if (found.size === 0 && errors.length === 0) errors.push(badLine(1, 'It names no process'))
  const processes = Object.fromEntries([...found].map(([type, { command }]) => [type, command]))
  return { processes, errors }
}

function readLine(
  line: string,
  number: number,
  found: Map<ProcessType, { command: string; line: number }>,
): void {
  if (line === '' || line.startsWith('#')) return
  const { processType, command } = parseLine(line, number)
  const earlier = found.get(processType)
  if (earlier) throw badLine(number, `"${processType}" is already on line ${earlier.line}`)
  if (found.size === processTypesMax) {
    throw badLine(number, `There are more than ${processTypesMax} process types`)
  }
  found.set(processType, { command, line: number })
}

function parseLine(line: string, number: number): { processType: ProcessType; command: string } {
  if (line.includes('\0')) throw badLine(number, 'There is a NUL in it')
  const [, name, command] = entry.exec(line) ?? []
  if (name === undefined || command === undefined) {
    throw badLine(number, `${JSON.stringify(line.slice(0, 80))} is not "TYPE: COMMAND"`)
  }
  if (command === '') throw badLine(number, `"${name}" has no command`)
  return { processType: processTypeOf(name, number), command }
}

function processTypeOf(name: string, number: number): ProcessType {
  try {
    return parseProcessType(name)
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    throw badLine(number, `${error.message}. ${error.hint}`)
  }
}

function badLine(line: number, what: string): AppError {
  return new AppError('bad-procfile', `Procfile line ${line}: ${what}`, {
    data: { file: 'Procfile', line },
  })
}
