/**
 * The gate, `npm run ok`: types, lint, format, unused code, then every test (the tidy test is one).
 * All steps run, so that one look shows everything; the exit code is 0 only when all passed.
 *
 * A step that read no files fails: a gate that looks at nothing is always green.
 */
import { spawn } from 'node:child_process'
import { join } from 'node:path'

interface Step {
  readonly name: string
  readonly command: readonly string[]
  /** How many files the step read, from its output; null where the tool does not say. */
  readonly filesRead: ((output: string) => number) | null
}

const root = join(import.meta.dirname, '..')
/** There are more than this many source files for good. */
const filesMin = 50

const steps: readonly Step[] = [
  {
    name: 'types',
    command: ['tsc', '-p', '.', '--listFiles'],
    filesRead: (output) => output.match(/^\/(?!.*\/node_modules\/).*\.ts$/gm)?.length ?? 0,
  },
  { name: 'lint', command: ['oxlint'], filesRead: countOf(/ on (\d+) files/) },
  { name: 'format', command: ['oxfmt', '--check'], filesRead: countOf(/ on (\d+) files/) },
  { name: 'unused code', command: ['knip'], filesRead: null },
  { name: 'tests', command: ['node', 'tools/run-tests.ts'], filesRead: null },
]

const failed: string[] = []
for (const step of steps) {
  process.stdout.write(`\n== ${step.name}: ${step.command.join(' ')}\n`)
  if (!(await passes(step))) failed.push(step.name)
}
process.stdout.write(failed.length === 0 ? '\nok\n' : `\nnot ok: ${failed.join(', ')}\n`)
process.exitCode = failed.length === 0 ? 0 : 1

async function passes(step: Step): Promise<boolean> {
  const { code, output } = await runStep(step)
  if (step.filesRead === null) return code === 0
  const files = step.filesRead(output)
  // A list of all files is no news.
  process.stdout.write(output.replaceAll(/^\/.*\.d?\.?[cm]?ts\n/gm, ''))
  if (files >= filesMin) return code === 0
  process.stdout.write(`${step.name} read ${files} files, at least ${filesMin} were expected.\n`)
  return false
}

async function runStep(step: Step): Promise<{ code: number | null; output: string }> {
  const [command = '', ...arguments_] = step.command
  const quiet = step.filesRead !== null
  const child = spawn(command, arguments_, {
    cwd: root,
    stdio: ['ignore', quiet ? 'pipe' : 'inherit', 'inherit'],
  })
  let output = ''
  child.stdout?.on('data', (chunk) => (output += String(chunk)))
  return await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}

function countOf(pattern: RegExp): (output: string) => number {
  return (output) => Number(pattern.exec(output)?.[1] ?? 0)
}
