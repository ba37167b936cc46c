/**
 * What must not be written: constructs that are unsafe or against the style, and notes to oneself.
 * This file and `repository.ts` write it all down, and are the only ones not looked at.
 */
import { type Check, perFile, plant } from './check.ts'

interface Ban {
  readonly name: string
  readonly pattern: RegExp
  readonly planted: readonly string[]
}

const bans: readonly Ban[] = [
  {
    name: 'no shell is given a string: exec and execSync are not imported',
    pattern:
      /import[^']*\bexec(Sync)?\b[^']*from 'node:child_process'|\bchild_process\.exec(Sync)?\(/,
    planted: ["import { exec } from 'node:child_process'", "child_process.execSync('ls')"],
  },
  {
    name: 'no shell is given a string: no shell option',
    pattern: /\bshell: (true|'|")/,
    planted: ["spawn('ls', [], { shell: true })", "spawn('ls', [], { shell: '/bin/sh' })"],
  },
  {
    name: 'no code is made from text',
    pattern: /\beval\(|new Function\(/,
    planted: ["eval('1')", "new Function('return 1')"],
  },
  {
    name: 'no notes to oneself: finish it, or write an issue',
    pattern: /\b(TODO|FIXME|XXX|HACK)\b|\bfor now\b/,
    planted: ['// TODO: later', '// good enough for now'],
  },
  {
    name: 'exports have names',
    pattern: /^export default\b/m,
    planted: ['export default 1'],
  },
  {
    name: 'private members are #private',
    pattern:
      /^\s+(private|protected|public) (readonly |static |async )*(?!constructor)[\w#]+[(:?; =]/m,
    planted: ['class A {\n  private a = 1', 'class A {\n  protected readonly b: string'],
  },
  {
    name: 'relative imports say .ts',
    pattern: /from '\.[^']*(?<!\.ts|\.json|\.cjs)'/,
    planted: ["import { a } from './a'", "import { a } from './a.js'"],
  },
  {
    name: 'Node.js modules are imported as node:',
    pattern: /from '(fs|path|net|http|os|child_process|crypto|stream|util|events)(\/promises)?'/,
    planted: ["import { join } from 'path'"],
  },
  {
    name: 'an empty catch says why',
    pattern: /catch( \(\w+(: unknown)?\))? \{\s*\}/,
    planted: ['try {\n  a()\n} catch {}', 'try {\n  a()\n} catch (error) {\n}'],
  },
  {
    name: 'lint rules are not switched off in place',
    pattern: /(ox|es)lint-disable(?!-next-line [\w/-]+(, [\w/-]+)* -- \w)|@ts-(ignore|nocheck)/,
    planted: ['// oxlint-disable-next-line no-console', '// @ts-ignore', '/* eslint-disable */'],
  },
]

export const wordChecks: readonly Check[] = bans.map(({ name, pattern, planted }) => ({
  name,
  find: perFile(({ text }) => {
    const match = pattern.exec(text)
    return match
      ? [`line ${text.slice(0, match.index).split('\n').length}: ${match[0].trim()}`]
      : []
  }),
  planted: planted.map((line) => plant('a.ts', line)),
}))

/** Rules for test files, which the others do not look at. */
export const testChecks: readonly Check[] = [
  {
    name: 'no test is the only one',
    find: perFile(({ text }) =>
      /\b(test|it|describe|suite)\.only\(|\bonly: true/.test(text) ? ['only'] : [],
    ),
    planted: [plant('a.test.ts', "test.only('a', () => {})"), plant('a.test.ts', 'only: true')],
  },
  {
    name: 'a test that is skipped says why',
    find: perFile(({ text }) =>
      /\bskip: true|\.skip\((?=\))/.test(text) ? ['skip without a reason'] : [],
    ),
    planted: [
      plant('a.test.ts', "test('a', { skip: true }, () => {})"),
      plant('a.test.ts', 't.skip()'),
    ],
  },
]
