/**
 * Where a command writes: results to stdout, notes and errors to stderr, colour only where a person
 * looks. With `--json` stdout carries JSON lines and nothing else.
 */
import { styleText } from 'node:util'

export type Style = 'bold' | 'dim' | 'green' | 'red' | 'yellow' | 'cyan'
export type Paint = (style: Style, text: string) => string

export interface Terminal {
  readonly json: boolean
  /** A person looks at stdout: colours, spinners and questions are welcome. */
  readonly interactive: boolean
  /** Width of stdout in characters; 100 when it is not a terminal, or one that does not know. */
  readonly columns: number
  readonly paint: Paint
  /** One line, or several, to stdout. Nothing with `--json`. */
  print(text: string): void
  /** One JSON line to stdout; nothing without `--json`. */
  printJson(value: unknown): void
  /** To stderr, also with `--json`. */
  note(text: string): void
  /** Writes as it is: for status lines and full-screen views. Only when `interactive`. */
  control(text: string): void
}

/** @param options.json Set by `--json`. */
export function openTerminal(options: { json?: boolean } = {}): Terminal {
  const json = options.json === true
  const interactive = process.stdout.isTTY && !json && process.env['TERM'] !== 'dumb'
  const colour = interactive && !process.env['NO_COLOR'] && process.stdout.hasColors()
  return {
    json,
    interactive,
    columns: process.stdout.columns || 100,
    paint: colour ? paintAnsi : (_style, text) => text,
    print: (text) => void (json || process.stdout.write(`${text}\n`)),
    printJson: (value) => void (json && process.stdout.write(`${JSON.stringify(value)}\n`)),
    note: (text) => void process.stderr.write(`${text}\n`),
    control: (text) => void (interactive && process.stdout.write(text)),
  }
}

function paintAnsi(style: Style, text: string): string {
  return styleText(style, text, { validateStream: false })
}
