/** Names of files, the comment that each begins with, and docstrings. */
import { basename } from 'node:path'
import { type Check, type SourceFile, perFile, plant } from './check.ts'

const grabBags = /^(utils?|helpers?|types|common|misc|shared|index)\.ts$/
const headerLinesMax = 20
/** A function this short says itself what it does. */
const shortLines = 8

export const nameChecks: readonly Check[] = [
  {
    name: 'file names are kebab-case',
    find: perFile(({ path }) => {
      return /^[a-z0-9]+(-[a-z0-9]+)*(\.(test|suite))?\.ts$/.test(basename(path))
        ? []
        : ['its name']
    }),
    planted: [plant('src/planDeploy.ts'), plant('src/Plan.ts'), plant('src/a_b.ts')],
  },
  {
    name: 'a file is named for what it is, not for being used',
    find: perFile(({ path }) => (grabBags.test(basename(path)) ? ['a grab-bag'] : [])),
    planted: [plant('src/utils.ts'), plant('src/index.ts'), plant('src/a/types.ts')],
  },
  {
    name: 'a file begins with a comment that says what it is for',
    find: perFile(({ text }) => {
      const header = /^(?:#!.*\n)?\/\*\*\n?([\s\S]*?)\*\//.exec(text)
      if (!header) return ['no header']
      const words = (header[1] ?? '').replaceAll(/[\s*]+/g, ' ').trim()
      if (words.length < 20) return ['a header that says nothing']
      const lines = header[0].split('\n').length
      return lines > headerLinesMax ? [`a header of ${lines} lines`] : []
    }),
    planted: [
      [{ path: 'a.ts', text: 'export const a = 1\n' }],
      [{ path: 'a.ts', text: '/** */\nexport const a = 1\n' }],
      [{ path: 'a.ts', text: `/**\n${' * Words.\n'.repeat(30)} */\n` }],
    ],
  },
  {
    name: 'exported functions and classes have docstrings',
    find: perFile(findUndocumented),
    planted: [
      plant('a.ts', '', 'export function other(', ...Array(shortLines).fill('  a'), ') {', '}'),
      plant('a.ts', '', 'export class B {', ...Array(shortLines).fill('  b'), '}'),
    ],
  },
]

/** The header speaks for the export that the file is named for, `definePs` in ps.ts too. */
function findUndocumented({ path, text }: SourceFile): string[] {
  const main = basename(path, '.ts').replaceAll('-', '')
  const bare =
    /(?<!\*\/\n)^export (?:async )?(?:abstract )?(?:function\*?|class) (\w+)[\s\S]*?^\}(?! from)/gm
  return [...text.matchAll(bare)].flatMap(([whole, name = '']) => {
    const short = whole.split('\n').length <= shortLines
    return short || name.toLowerCase().endsWith(main) ? [] : [`${name} has no docstring`]
  })
}
