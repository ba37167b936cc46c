/** Names of files, the comment that each begins with, and docstrings. */
import { basename } from 'node:path'
import { type Check, perFile, plant } from './check.ts'

const grabBags = /^(utils?|helpers?|types|common|misc|shared|index)\.ts$/
const headerLinesMax = 20

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
      if (!/[a-z]{2}.*\.$|[a-z]{2}.*[\w)`>]$/s.test(words)) return ['an empty header']
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
    name: 'every exported function and class has a docstring, or the header of its file is one',
    find: perFile(({ text }) => {
      const bare = /(?<!\*\/\n)^export (?:async )?(?:abstract )?(?:function\*?|class) (\w+)/gm
      const all = /^export (?:async )?(?:abstract )?(?:function\*?|class) (\w+)/gm
      const names = new Set([...text.matchAll(all)].map(([, name]) => name))
      if (names.size === 1) return []
      return [...text.matchAll(bare)].map(([, name]) => `${name} has no docstring`)
    }),
    planted: [
      plant('a.ts', '', 'export function a() {}', '', '/** B. */', 'export function b() {}'),
      plant('a.ts', '', '/** A. */', 'export async function a() {}', '', 'export class B {}'),
    ],
  },
]
