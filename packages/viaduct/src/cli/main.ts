/**
 * The entry of the command line: runs one command and ends the process with its exit code.
 * What the commands are is `command-table.ts`; what they do is in their own files.
 */
import { printError } from './output/render-error.ts'
import { openTerminal } from './output/terminal.ts'
import { runProgram } from './program.ts'

/**
 * Runs a command to its end. Never returns: the process ends with the command's exit code (see
 * `model/error-catalogue.ts`), so that nothing that is left open can hold it.
 *
 * @param argv Words after `viaduct`.
 */
export async function run(argv: readonly string[]): Promise<void> {
  endWhenNobodyReads()
  try {
    await runProgram(argv)
  } catch (error) {
    process.exitCode = printError(openTerminal({ json: argv.includes('--json') }), error)
  }
  process.exit()
}

/** `viaduct logs | head` ends when head does. */
function endWhenNobodyReads(): void {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(0)
    throw error
  })
}
