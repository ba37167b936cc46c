/**
 * Reads a JSON file of an app with the place of everything in it, so that an error can name the
 * line. Comments and trailing commas are taken where the caller allows them.
 */
import { type Node, type ParseError, parseTree, printParseErrorCode } from 'jsonc-parser'
import { AppError } from '../../model/app-error.ts'

/** A value with its place. */
export interface Located {
  /** Never has a prototype's keys: objects are made without one. */
  readonly value: unknown
  /** From 1; 0 for a value that came without a text. */
  readonly line: number
  /** Members of an object, in the order of the file; null for other values. */
  readonly members: ReadonlyMap<string, Located> | null
  /** Elements of an array; null for other values. */
  readonly elements: readonly Located[] | null
}

/**
 * @param options.file Name for messages.
 * @param options.comments Take comments and trailing commas, too.
 * @throws {AppError} `bad-manifest` with `data.file` and `data.line`: not JSON, or a key twice.
 */
export function readJson(text: string, options: { file: string; comments: boolean }): Located {
  try {
    return readTree(text.replace(/^\uFEFF/, ''), options)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    // The parser recurses, and ran out of stack.
    throw badJson({ file: options.file, line: 1 }, 'It nests too deep')
  }
}

/** A value that came without a text. */
export function locateValue(value: unknown): Located {
  return new LocatedValue(value)
}

/** What is in the value is looked at when it is asked for, once: there may be much of it. */
class LocatedValue implements Located {
  readonly value: unknown
  readonly line = 0
  #members: ReadonlyMap<string, Located> | null | undefined
  #elements: readonly Located[] | null | undefined

  constructor(value: unknown) {
    this.value = value
  }

  get members(): ReadonlyMap<string, Located> | null {
    this.#members ??= this.#isObject() ? new Map(this.#entries()) : null
    return this.#members
  }

  get elements(): readonly Located[] | null {
    const { value } = this
    this.#elements ??= Array.isArray(value) ? value.map((each) => new LocatedValue(each)) : null
    return this.#elements
  }

  #isObject(): boolean {
    return typeof this.value === 'object' && this.value !== null && !Array.isArray(this.value)
  }

  #entries(): [string, Located][] {
    return Object.entries(this.value as object).map(([key, each]) => [key, new LocatedValue(each)])
  }
}

function readTree(source: string, options: { file: string; comments: boolean }): Located {
  const lineOf = lineIndex(source)
  const errors: ParseError[] = []
  const tree = parseTree(source, errors, {
    allowTrailingComma: options.comments,
    disallowComments: !options.comments,
  })
  const [first] = errors
  if (first || !tree) {
    const reason = first ? wordsOf(printParseErrorCode(first.error)) : 'it is empty'
    throw badJson(
      { file: options.file, line: lineOf(first?.offset ?? 0) },
      `This is not JSON: ${reason}`,
    )
  }
  return locate(tree, { lineOf, file: options.file })
}

/** An error in a file of an app that names the line. */
export function badJson(
  { file, line }: { readonly file: string; readonly line: number },
  message: string,
  data: Record<string, unknown> = {},
): AppError {
  return new AppError('bad-manifest', `${file} line ${line}: ${message}`, {
    ...(file === 'package.json' && { hint: '"npm pkg fix" repairs common errors.' }),
    data: { file, line, ...data },
  })
}

interface Context {
  readonly lineOf: (offset: number) => number
  readonly file: string
}

function locate(node: Node, context: Context): Located {
  const line = context.lineOf(node.offset)
  if (node.type === 'object') return locateObject(node, line, context)
  if (node.type === 'array') {
    const elements = (node.children ?? []).map((child) => locate(child, context))
    return { value: elements.map((each) => each.value), line, members: null, elements }
  }
  return { value: node.value, line, members: null, elements: null }
}

function locateObject(node: Node, line: number, context: Context): Located {
  const members = new Map<string, Located>()
  for (const property of node.children ?? []) {
    const [key, value] = property.children ?? []
    if (!key || !value) continue
    const name = String(key.value)
    if (members.has(name)) {
      const message = `${JSON.stringify(name)} is there twice`
      throw badJson({ file: context.file, line: context.lineOf(key.offset) }, message, {
        field: name,
      })
    }
    members.set(name, locate(value, context))
  }
  const value: Record<string, unknown> = Object.create(null)
  for (const [name, member] of members) value[name] = member.value
  return { value, line, members, elements: null }
}

/** Line of an offset, from 1. */
function lineIndex(source: string): (offset: number) => number {
  const starts = [0]
  for (let at = source.indexOf('\n'); at !== -1; at = source.indexOf('\n', at + 1)) {
    starts.push(at + 1)
  }
  return (offset) => {
    let low = 0
    let high = starts.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((starts[middle] ?? 0) <= offset) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** `CommaExpected` → `comma expected`. */
function wordsOf(code: string): string {
  return code.replaceAll(/(?<=[a-z])(?=[A-Z])/g, ' ').toLowerCase()
}
