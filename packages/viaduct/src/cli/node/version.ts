/** `viaduct version`: what runs here. */
import { readFileSync } from 'node:fs'
import type { Command } from 'commander'
import { openTerminal } from '../output/terminal.ts'

export function defineVersion(command: Command): void {
  command.option('--json', 'print JSON').action((options: { json?: boolean }) => {
    const terminal = openTerminal(options)
    const version = ownVersion()
    terminal.print(`viaduct ${version}, Node.js ${process.versions.node}`)
    terminal.printJson({ version, node: process.versions.node })
  })
}

/** The version in the package's own package.json. */
export function ownVersion(): string {
  // The same depth from the source and from the compiled file would be chance: look upwards.
  for (const up of ['../../../', '../../../../../']) {
    const path = new URL(`${up}package.json`, import.meta.url)
    try {
      const value = JSON.parse(readFileSync(path, 'utf8')) as { name?: string; version?: string }
      if (value.name === 'viaduct' && value.version) return value.version
    } catch {
      // Not there: the other one is.
    }
  }
  return 'unknown'
}
