/**
 * How long and how many: files, functions, lines, folders. The code is formatted, so where a
 * function ends can be read from the indentation; arguments are counted by the linter.
 */
import { dirname } from 'node:path'
import { type Check, perFile, plant } from './check.ts'

const fileLinesMax = 400
const functionLinesMax = 70
const lineMax = 100
const folderFilesMax = 15

export const sizeChecks: readonly Check[] = [
  {
    name: `a file has at most ${fileLinesMax} lines`,
    find: perFile(({ text }) => {
      const count = text.split('\n').length - 1
      return count > fileLinesMax ? [`${count} lines`] : []
    }),
    planted: [plant('a.ts', ...Array.from({ length: 400 }, (_, i) => `const a${i} = ${i}`))],
  },
  {
    name: `a function has at most ${functionLinesMax} lines`,
    find: perFile(({ text }) => findLongFunctions(text.split('\n'))),
    planted: [
      plant('a.ts', 'export async function a() {', ...body('  '), '}'),
      plant('a.ts', 'class A {', '  static async *a() {', ...body('    '), '  }', '}'),
      plant('a.ts', 'class A {', '  #a(', '    b: string,', '  ) {', ...body('    '), '  }', '}'),
      plant('a.ts', 'const a = async () => {', ...body('  '), '}'),
    ],
  },
  {
    name: `a line has at most ${lineMax} characters`,
    find: perFile(({ text }) =>
      text
        .split('\n')
        .flatMap((line, i) => (line.length > lineMax ? [`line ${i + 1} is too long`] : [])),
    ),
    planted: [plant('a.ts', `// ${'x'.repeat(98)}`)],
  },
  {
    name: `a folder has at most ${folderFilesMax} files`,
    find(files) {
      const folders = Map.groupBy(files, ({ path }) => dirname(path))
      return [...folders]
        .filter(([, inside]) => inside.length > folderFilesMax)
        .map(([folder, inside]) => `${folder}: ${inside.length} files`)
    },
    planted: [Array.from({ length: 16 }, (_, i) => plant(`a/f${i}.ts`)).flat()],
  },
]

function body(indent: string): string[] {
  return Array.from({ length: functionLinesMax - 1 }, () => `${indent}b()`)
}

/** How functions at the top level and members of classes begin; group 1 is the name. */
const starts = [
  /^(?:export )?(?:async )?function\*? ?([\w$]+)/,
  /^(?:export )?const ([\w$]+) = (?:async )?\(/,
  /^ {2}(?:static )?(?:async )?(?:get |set )?\*?([#\w[\].]+)\((?:.*\{)?$/,
]

/** What is inside a function counts with it. */
function findLongFunctions(lines: readonly string[]): string[] {
  const found: string[] = []
  for (const [index, line] of lines.entries()) {
    const match = starts.map((start) => start.exec(line)).find((result) => result !== null)
    if (!match || /^ {2}(if|for|while|switch|return|await|super)\b/.test(line)) continue
    const indent = line.startsWith('  ') ? '  ' : ''
    const end = lines.findIndex((later, i) => i > index && closes(later, indent))
    const length = end - index + 1
    if (length > functionLinesMax) found.push(`${match[1]} has ${length} lines`)
  }
  return found
}

/** `}` at the function's own indentation ends it; `}): Result {` still belongs to its head. */
function closes(line: string, indent: string): boolean {
  return line.startsWith(`${indent}}`) && !line.endsWith('{')
}
