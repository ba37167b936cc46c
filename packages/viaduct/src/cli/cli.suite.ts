/** Runs the real command line against an API, with a home of its own, for tests of commands. */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export interface CliRun {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

export interface CliHome extends AsyncDisposable {
  readonly home: string
  /** Makes a folder of this name with these files. @returns Its path. */
  folderOf(name: string, files: Readonly<Record<string, string>>): Promise<string>
  /** Runs `viaduct WORDS`; killed after 20 s. */
  run(words: readonly string[], options?: CliRunOptions): Promise<CliRun>
}

export interface CliRunOptions {
  readonly env?: Readonly<Record<string, string>>
  readonly cwd?: string
  readonly input?: string
  /** Called with all of stdout and stderr so far, each time that more comes. */
  readonly onOutput?: (text: string, signal: (name: NodeJS.Signals) => void) => void
}

const entry = join(import.meta.dirname, '../../bin/viaduct.js')
const limitMs = 20_000

/** @param environment Variables of every run, e.g. VIADUCT_URL and VIADUCT_TOKEN. */
export async function openCliHome(
  environment: Readonly<Record<string, string>> = {},
): Promise<CliHome> {
  const home = await mkdtemp(join(tmpdir(), 'viaduct-cli-'))
  const clean = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !/^(VIADUCT_|XDG_|NODE_TEST)/.test(name)),
  )
  return {
    home,
    async folderOf(name, files) {
      const folder = join(home, name)
      await mkdir(folder)
      for (const [file, text] of Object.entries(files)) await writeFile(join(folder, file), text)
      return folder
    },
    run: (words, { env, cwd = home, input = '', onOutput } = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn(process.execPath, [entry, ...words], {
          cwd,
          env: { ...clean, HOME: home, ...environment, ...env },
          timeout: limitMs,
          stdio: 'pipe',
        })
        let stdout = ''
        let stderr = ''
        const heard = (): void => onOutput?.(stdout + stderr, (name) => child.kill(name))
        child.stdout.on('data', (chunk) => {
          stdout += String(chunk)
          heard()
        })
        child.stderr.on('data', (chunk) => {
          stderr += String(chunk)
          heard()
        })
        // A command that reads nothing may be gone already.
        child.stdin.on('error', () => undefined)
        child.stdin.end(input)
        child.on('error', reject)
        child.on('close', (code) => resolve({ code, stdout, stderr }))
      }),
    async [Symbol.asyncDispose]() {
      await rm(home, { recursive: true, force: true })
    },
  }
}
