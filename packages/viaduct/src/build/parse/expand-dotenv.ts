/**
 * Gives the variables of a `.env` file their values: `$NAME`, `${NAME}`, `${NAME:-default}`. Pure.
 *
 * A name means what the platform says of it, else its line in the file, wherever that is, else the
 * layers below. In its own value a name means the layers below: `PATH=$PATH:/opt/bin`.
 */
import { AppError } from '../../model/app-error.ts'
import type { DotenvLine } from '../../model/environment.ts'
import {
  configValueMaxBytes,
  dotenvDefaultsMaxDepth,
  dotenvExpandedMaxBytes,
} from '../../model/limits.ts'
import type { Config } from '../../model/release.ts'

export interface Surroundings {
  /** What the platform sets: nobody can say otherwise. */
  readonly above: Config
  /** The base, and the manifest's `env`. */
  readonly below: Config
  /** Told of each reference that has no value and no default: it is empty. */
  readonly onMissing?: (missing: { readonly name: string; readonly line: number }) => void
}

/**
 * @returns Of a key that is there twice, the last line's value.
 * @throws {AppError} `bad-dotenv` with `data.line`: names that refer to each other in a circle, a
 *   `${` that is not closed, or more text than an environment can hold.
 */
export function expandDotenv(lines: readonly DotenvLine[], around: Surroundings): Config {
  const expansion = new Expansion(lines, around)
  return Object.fromEntries(lines.map(({ key }) => [key, expansion.valueOf(key)]))
}

const reference = /\\\$|\$\{|\$([A-Za-z_][A-Za-z0-9_]*)|\}/g
const braced = /([A-Za-z_][A-Za-z0-9_]*)(\}|:-)/y

class Expansion {
  readonly #lines: ReadonlyMap<string, DotenvLine>
  readonly #around: Surroundings
  readonly #values = new Map<string, string>()
  /** Being expanded, the outermost first. */
  readonly #open: DotenvLine[] = []
  #bytes = 0

  constructor(lines: readonly DotenvLine[], around: Surroundings) {
    this.#lines = new Map(lines.map((line) => [line.key, line]))
    this.#around = around
  }

  valueOf(key: string): string {
    const known = this.#values.get(key)
    const line = this.#lines.get(key)
    if (known !== undefined || line === undefined) return known ?? ''
    this.#open.push(line)
    const value = line.quote === 'single' ? line.value : new Text(line, this).read()
    this.#open.pop()
    this.#bytes += Buffer.byteLength(value)
    if (this.#bytes > dotenvExpandedMaxBytes) {
      throw bad(line, `Up to "${key}" its values have more than ${dotenvExpandedMaxBytes} bytes`)
    }
    this.#values.set(key, value)
    return value
  }

  /** @returns undefined: it has no value. */
  lookUp(name: string): string | undefined {
    const { above, below } = this.#around
    if (Object.hasOwn(above, name)) return above[name]
    const current = this.#open.at(-1)
    if (this.#lines.has(name) && current?.key !== name) {
      this.#refuseCircle(name)
      return this.valueOf(name)
    }
    return Object.hasOwn(below, name) ? below[name] : undefined
  }

  missing(name: string, { line }: DotenvLine): void {
    this.#around.onMissing?.({ name, line })
  }

  #refuseCircle(name: string): void {
    const from = this.#open.findIndex(({ key }) => key === name)
    const [first] = this.#open.slice(from)
    if (from === -1 || first === undefined) return
    const keys = [...this.#open.slice(from).map(({ key }) => key), name]
    const shown = keys.map((key) => `"${key}"`).join(' → ')
    throw bad(first, `${shown} refer to each other in a circle`, { keys })
  }
}

/** Reads one value from its start to its end. */
class Text {
  readonly #line: DotenvLine
  readonly #expansion: Expansion
  #at = 0

  constructor(line: DotenvLine, expansion: Expansion) {
    this.#line = line
    this.#expansion = expansion
  }

  /** @param depth Above 0: in a default, which ends at its "}". */
  read(depth = 0): string {
    const { key, value: text } = this.#line
    if (depth > dotenvDefaultsMaxDepth) {
      throw bad(this.#line, `Defaults stand in each other ${depth} deep in "${key}"`)
    }
    let value = ''
    for (;;) {
      reference.lastIndex = this.#at
      const found = reference.exec(text)
      value += text.slice(this.#at, found?.index ?? text.length)
      if (found === null && depth > 0) throw this.#unclosed()
      this.#at = found ? reference.lastIndex : text.length
      if (found === null || (found[0] === '}' && depth > 0)) return value
      value += this.#replace(found, depth)
      // Characters: counting the bytes of what grows would take its square in time.
      if (value.length > configValueMaxBytes) {
        throw bad(this.#line, `"${key}" grows to more than ${configValueMaxBytes} bytes`)
      }
    }
  }

  #replace([found, name]: RegExpExecArray, depth: number): string {
    if (name !== undefined) return this.#valueOf(name)
    if (found === '}') return found
    return found === '${' ? this.#readBraced(depth) : '$'
  }

  #readBraced(depth: number): string {
    braced.lastIndex = this.#at
    const [, name, end] = braced.exec(this.#line.value) ?? []
    if (name === undefined) throw this.#unclosed()
    this.#at = braced.lastIndex
    if (end === '}') return this.#valueOf(name)
    const fallback = this.read(depth + 1)
    return this.#expansion.lookUp(name) || fallback
  }

  #valueOf(name: string): string {
    const value = this.#expansion.lookUp(name)
    if (value === undefined) this.#expansion.missing(name, this.#line)
    return value ?? ''
  }

  #unclosed(): AppError {
    return bad(this.#line, `"${this.#line.key}" has a "\${" that is not \${NAME} or \${NAME:-…}`)
  }
}

/** Says nothing of the values: they may be secrets. */
function bad({ line }: DotenvLine, what: string, data: { keys?: string[] } = {}): AppError {
  return new AppError('bad-dotenv', `.env line ${line}: ${what}`, {
    hint: 'Write \\$ for a "$" that is no reference, or put the value in single quotes.',
    data: { file: '.env', line, ...data },
  })
}
