/** `viaduct doctor`: is this machine fit for `viaduct up`, and does the server answer? */
import type { Command } from 'commander'
import { AppError, messageOf } from '../../model/app-error.ts'
import { resolveSettings } from '../../settings/resolve-settings.ts'
import { readSettings } from '../../settings/settings-file.ts'
import type { Settings } from '../../settings/settings.ts'
import { openTerminal, type Style, type Terminal } from '../output/terminal.ts'
import { addServerOptions, openSession, type SessionOptions } from '../session.ts'
import { defaultDataDirs } from '../server/data-directories.ts'
import { findLocalServer } from '../server/local-server.ts'
import { checkMachine, type Finding } from './doctor-checks.ts'

const marks: Readonly<Record<Finding['level'], readonly [string, Style]>> = {
  good: ['✓', 'green'],
  warn: ['!', 'yellow'],
  bad: ['✗', 'red'],
}

export function defineDoctor(command: Command): void {
  addServerOptions(command)
    .addHelpText(
      'after',
      '\nExits 1 when something is bad (✗); what is only worth knowing (!) is not.',
    )
    .action(runDoctor)
}

async function runDoctor(options: SessionOptions): Promise<void> {
  const terminal = openTerminal(options)
  const server = await checkServer(options)
  const settings = await settingsHere()
  const findings = [...(await checkMachine(settings, { running: server.level === 'good' })), server]
  const bad = findings.filter(({ level }) => level === 'bad').length
  terminal.printJson({ ok: bad === 0, findings })
  terminal.print(findings.map((finding) => renderFinding(finding, terminal)).join('\n'))
  if (bad > 0) process.exitCode = 1
}

/** Those of the platform that runs on this machine, else what it would have. */
async function settingsHere(): Promise<Settings> {
  const local = await findLocalServer(defaultDataDirs())
  return local ? readSettings(local.dataDir) : resolveSettings({ flags: {}, env: process.env })
}

async function checkServer(options: SessionOptions): Promise<Finding> {
  const check = 'server'
  try {
    const { client, server } = await openSession(options)
    const { version } = await client.version()
    return { check, level: 'good', message: `Viaduct ${version} at ${server.url}`, hint: '' }
  } catch (error) {
    const hint = error instanceof AppError ? error.hint : ''
    return { check, level: 'warn', message: messageOf(error), hint }
  }
}

function renderFinding({ check, level, message, hint }: Finding, { paint }: Terminal): string {
  const [sign, style] = marks[level]
  const line = `${paint(style, sign)} ${check.padEnd(16)} ${message}`
  return hint === '' ? line : `${line}\n${' '.repeat(19)}${paint('dim', hint)}`
}
