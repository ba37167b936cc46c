/** Runs small programs of the system, with fixed arguments, for what Node.js has no call for. */
import { spawn, type StdioOptions } from 'node:child_process'
import { AppError, messageOf } from '../model/app-error.ts'
import { helperTimeoutMs } from '../model/limits.ts'

export interface HelperOptions {
  /** Default `ignore`. */
  readonly stdio?: StdioOptions
  /** After it the program is killed. Default `helperTimeoutMs`. */
  readonly timeoutMs?: number
}

/**
 * @returns Its exit code; null when a signal ended it.
 * @throws {AppError} `spawn-failed`: it cannot be run, or did not end in time.
 */
export function runHelper(
  program: string,
  args: readonly string[],
  { stdio = 'ignore', timeoutMs = helperTimeoutMs }: HelperOptions = {},
): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio })
    const timer = setTimeout(() => {
      child.kill('SIGKILL')
      const message = `The program "${program}" did not end within ${timeoutMs} ms`
      const hint = 'The machine is overloaded, or its disk does not answer.'
      reject(new AppError('spawn-failed', message, { hint }))
    }, timeoutMs)
    child.once('error', (cause) => {
      clearTimeout(timer)
      const message = `The program "${program}" cannot be run: ${messageOf(cause)}`
      const hint = 'The packages util-linux and coreutils have all that is needed.'
      reject(new AppError('spawn-failed', message, { cause, hint }))
    })
    child.once('exit', (code) => {
      clearTimeout(timer)
      resolve(code)
    })
  })
}
