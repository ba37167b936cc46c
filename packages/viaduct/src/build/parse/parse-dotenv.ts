/**
 * Reads a `.env` file: `KEY=VALUE` lines, `export`, comments, quotes, values of several lines.
 * Pure. What `$NAME` in a value stands for is `expand-dotenv.ts`'s to say.
 */
import { AppError } from '../../model/app-error.ts'
import type { DotenvLine } from '../../model/environment.ts'
import { configKeysMax, configValueMaxBytes, findingsMax } from '../../model/limits.ts'

export interface Dotenv {
  /** In the order of the file; of a key that is there twice, the last one counts. */
  readonly lines: readonly DotenvLine[]
  /** `bad-dotenv`, in the order of the lines. */
  readonly errors: readonly AppError[]
}

const assignment = /^[ \t]*(?:export[ \t]+)?([^\s=]+)[ \t]*=[ \t]*/
const keyPattern = /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]*$/
/** After a closing quote. */
const rest = /^[ \t]*(?:#.*)?$/
const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
}

/** @param text The whole file; a byte order mark and CRLF are fine. */
export function parseDotenv(text: string): Dotenv {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/)
  const found: DotenvLine[] = []
  const errors: AppError[] = []
  for (let at = 0; at < lines.length && errors.length < findingsMax;) {
    const line = lines[at] ?? ''
    const number = at + 1
    at += 1
    if (/^[ \t]*(?:#|$)/.test(line)) continue
    try {
      const { variable, length } = readVariable(lines, number)
      at += length - 1
      found.push(variable)
      if (found.length > configKeysMax) {
        throw bad(number, `There are more than ${configKeysMax} variables`)
      }
    } catch (error) {
      if (!(error instanceof AppError)) throw error
      errors.push(error)
      if (found.length > configKeysMax) break
    }
  }
  return { lines: found, errors }
}

/** @returns The variable that begins on that line, and how many lines it has. */
function readVariable(
  lines: readonly string[],
  line: number,
): { variable: DotenvLine; length: number } {
  const first = lines[line - 1] ?? ''
  const [head, key = ''] = assignment.exec(first) ?? []
  if (head === undefined) throw bad(line, 'It is not KEY=VALUE')
  if (!keyPattern.test(key)) {
    throw bad(line, 'The name before "=" wants A-Z, a-z, 0-9 and "_", not a digit first')
  }
  const after = first.slice(head.length)
  const mark = after[0]
  const isQuoted = mark === '"' || mark === "'"
  const { value, length } = isQuoted
    ? readQuoted(lines, { line, mark, start: head.length + 1 })
    : { value: after.replace(/(?:^|[ \t])#.*$/, '').trim(), length: 1 }
  if (value.includes('\0')) throw bad(line, `There is a NUL in "${key}"`)
  if (Buffer.byteLength(value) > configValueMaxBytes) {
    throw bad(line, `"${key}" has more than ${configValueMaxBytes} bytes`)
  }
  const quote = isQuoted ? (mark === '"' ? 'double' : 'single') : 'none'
  return { variable: { key, value, quote, line }, length }
}

function readQuoted(
  lines: readonly string[],
  { line, mark, start }: { line: number; mark: string; start: number },
): { value: string; length: number } {
  const parts: string[] = []
  for (let at = line - 1; at < lines.length; at += 1) {
    const text = at === line - 1 ? (lines[at] ?? '').slice(start) : (lines[at] ?? '')
    const end = findEnd(text, mark)
    parts.push(end === -1 ? text : text.slice(0, end))
    if (end === -1) continue
    if (!rest.test(text.slice(end + 1))) throw bad(at + 1, `Text follows the closing ${mark}`)
    const value = parts.join('\n')
    return { value: mark === '"' ? unescape(value) : value, length: parts.length }
  }
  throw bad(line, `The ${mark} is never closed`)
}

function findEnd(text: string, mark: string): number {
  if (mark === "'") return text.indexOf(mark)
  for (let at = 0; at < text.length; at += 1) {
    if (text[at] === '\\') at += 1
    else if (text[at] === mark) return at
  }
  return -1
}

function unescape(text: string): string {
  return text.replace(/\\([nrt"\\])/g, (_, escaped: string) => escapes[escaped] ?? escaped)
}

/** Says nothing of what is on the line: that may be a secret. */
function bad(line: number, what: string): AppError {
  return new AppError('bad-dotenv', `.env line ${line}: ${what}`, { data: { file: '.env', line } })
}
