/**
 * Runs a command on a pseudo terminal, as a person at a keyboard would. The terminal is made by
 * `script`, which Debian always has. Words are waited for, then answered.
 */
import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'

const script = '/usr/bin/script'
const limitMs = 30_000

/** Why tests on a terminal cannot run here; false when they can. */
export function noTerminal(): string | false {
  try {
    accessSync(script, constants.X_OK)
    return false
  } catch {
    return `there is no ${script}`
  }
}

export interface TerminalRun {
  readonly code: number | null
  /** Everything that was on the screen, with its escape sequences. */
  readonly screen: string
}

/**
 * @param command Words without quotes: they go through a shell.
 * @param options.answers Typed one after the other, each when its question is on the screen; `\r`
 * is the return key, `\x03` Ctrl-C.
 */
export function runOnTerminal(
  command: readonly string[],
  options: {
    readonly cwd: string
    readonly env: Readonly<Record<string, string | undefined>>
    readonly answers?: readonly { readonly question: string; readonly type: string }[]
  },
): Promise<TerminalRun> {
  const answers = [...(options.answers ?? [])]
  return new Promise((resolve, reject) => {
    // The one that script makes has no size until it is given one.
    const line = `stty cols 80 rows 24 && exec ${command.join(' ')}`
    const child = spawn(script, ['-qec', line, '/dev/null'], {
      cwd: options.cwd,
      env: { ...options.env, TERM: 'xterm-256color', SHELL: '/bin/sh' },
      timeout: limitMs,
      killSignal: 'SIGKILL',
    })
    let screen = ''
    let seen = 0
    child.stdout.on('data', (chunk) => {
      screen += String(chunk)
      const [next] = answers
      const at = next ? screen.indexOf(next.question, seen) : -1
      if (!next || at === -1) return
      seen = at + next.question.length
      answers.shift()
      child.stdin.write(next.type)
    })
    child.stdin.on('error', () => undefined) // It may end before it has read everything.
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, screen }))
  })
}
