/**
 * `viaduct check [DIR]`: says what a deploy would find in a folder, and everything that is wrong
 * with it. Needs no server.
 */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import { renderDuration } from '../output/render-amounts.ts'
import { renderFacts } from '../output/render-table.ts'
import { openTerminal, type Terminal } from '../output/terminal.ts'
import { nameOfDirectory } from '../server/app-name.ts'
import { type CheckedApp, checkApp, type Finding, renderPlace } from './check-app.ts'
import { assertDeployable } from './check-folder.ts'

export function defineCheck(command: Command): void {
  command
    .argument('[dir]', 'folder of the app', '.')
    .option('--json', 'print JSON')
    .description(
      'Check what a deploy reads of a folder: viaduct.json, app.json, Procfile, package.json,\n' +
        '.env. Shows every mistake with its line, and what was detected. Exits 1 if there is one.',
    )
    .action(async (dir: string, options: { json?: boolean }) => {
      const terminal = openTerminal(options)
      const directory = resolve(dir)
      assertDeployable(directory)
      const startedAt = performance.now()
      const checked = await checkApp(directory)
      const tookMs = performance.now() - startedAt
      terminal.printJson(reportOf(directory, { checked, tookMs }))
      print(terminal, directory, { checked, tookMs })
      if (checked.errors.length > 0) process.exitCode = 1
    })
}

interface Result {
  readonly checked: CheckedApp
  readonly tookMs: number
}

function nameOf(directory: string, { app }: CheckedApp): string | null {
  return app.manifest.name ?? nameOfDirectory(directory)
}

function reportOf(directory: string, { checked, tookMs }: Result): object {
  const { app, errors, findings } = checked
  return {
    ok: errors.length === 0,
    app: nameOf(directory, checked),
    directory,
    builders: app.builders.map(({ builder, reasons }) => ({ builder, reasons })),
    processes: app.processes,
    requiredConfig: requiredConfig(checked),
    findings,
    tookMs,
  }
}

function print(terminal: Terminal, directory: string, { checked, tookMs }: Result): void {
  const { paint } = terminal
  const { app, findings } = checked
  const required = requiredConfig(checked)
  const builders = app.builders.map(({ builder, reasons }) => `${builder} (${reasons.join('; ')})`)
  const facts: [string, string][] = [
    ['app', paint('bold', nameOf(directory, checked) ?? 'no name')],
    ['built as', builders.join(', ') || 'unknown'],
    ...Object.entries(app.processes).map(([type, line]): [string, string] => [type, line]),
    ...(required.length > 0 ? [['needs config', required.join(', ')] as [string, string]] : []),
  ]
  terminal.print(renderFacts(facts, paint))
  if (findings.length > 0) terminal.print('')
  for (const line of renderFindings(terminal, findings)) terminal.print(line)
  const took = paint('dim', `  ${renderDuration(tookMs)}`)
  const sign = checked.errors.length > 0 ? paint('red', '✗') : paint('green', '✓')
  terminal.print(`\n${sign} ${renderCounts(findings)}${took}`)
}

/** A line for each, and each hint once, indented below. */
function renderFindings({ paint }: Terminal, findings: readonly Finding[]): string[] {
  const said = new Set([''])
  return findings.flatMap((finding) => {
    const { level, message, hint } = finding
    const word = level === 'error' ? paint('red', 'error') : paint('yellow', 'warning')
    const place = renderPlace(finding)
    const line = `${place === '' ? '' : `${paint('bold', place)}  `}${word}  ${message}`
    const isNew = !said.has(hint)
    said.add(hint)
    return isNew ? [line, `    ${paint('dim', hint)}`] : [line]
  })
}

function renderCounts(findings: readonly Finding[]): string {
  const count = (level: Finding['level'], word: string): string => {
    const all = findings.filter((each) => each.level === level).length
    return `${all === 0 ? 'no' : all} ${word}${all === 1 ? '' : 's'}`
  }
  return `${count('error', 'mistake')}, ${count('warning', 'warning')}`
}

/** Only the server knows whether these are set. */
function requiredConfig({ app }: CheckedApp): readonly string[] {
  const inTree = new Set(app.dotenv.map(({ key }) => key))
  return Object.entries(app.manifest.env ?? {}).flatMap(([key, variable]) => {
    if (typeof variable === 'string' || inTree.has(key)) return []
    const { required = false, value, generator } = variable
    return required && value === undefined && generator === undefined ? [key] : []
  })
}
