/** `viaduct version`: what runs here. */
import type { Command } from 'commander'
import { readVersion } from '../../settings/read-version.ts'
import { openTerminal } from '../output/terminal.ts'

export function defineVersion(command: Command): void {
  command.option('--json', 'print JSON').action((options: { json?: boolean }) => {
    const terminal = openTerminal(options)
    const version = readVersion()
    terminal.print(`viaduct ${version}, Node.js ${process.versions.node}`)
    terminal.printJson({ version, node: process.versions.node })
  })
}
