/** What an exit code or signal usually means, in a sentence for people. */
import type { InstanceExit } from '../../model/instance.ts'

const codes: Readonly<Record<number, string>> = {
  0: 'It ended by itself, without an error; a process that serves has to keep running.',
  126: 'The shell found the command, but could not run it: is it executable?',
  127: 'The shell did not find the command: is it installed, and spelled right?',
}

const signals: Readonly<Record<string, string>> = {
  SIGHUP: 'It was told to hang up (SIGHUP).',
  SIGINT: 'It was interrupted (SIGINT).',
  SIGILL: 'It ran an instruction that this machine does not know (SIGILL).',
  SIGABRT: 'It gave itself up (SIGABRT): a failed assertion, or no memory left.',
  SIGBUS: 'It crashed (SIGBUS): often a full disk below a mapped file.',
  SIGKILL: 'It was killed (SIGKILL): by the kernel when memory ran out, or by somebody.',
  SIGSEGV: 'It crashed (SIGSEGV): a bug in native code.',
  SIGPIPE: 'It wrote to something that nobody reads any more (SIGPIPE).',
  SIGTERM: 'It was told to stop (SIGTERM).',
}

/** A shell reports a child that died by signal N as code 128 + N. */
const numbers: Readonly<Record<number, string>> = {
  1: 'SIGHUP',
  2: 'SIGINT',
  4: 'SIGILL',
  6: 'SIGABRT',
  7: 'SIGBUS',
  9: 'SIGKILL',
  11: 'SIGSEGV',
  13: 'SIGPIPE',
  15: 'SIGTERM',
}

/** @returns null when the code says nothing that is the same for all programs. */
export function explainExit(exit: InstanceExit | null): string | null {
  if (!exit) return null
  if (exit.reason === 'spawn-failed') return 'It could not be started at all.'
  if (exit.signal !== null) return signals[exit.signal] ?? `It died by ${exit.signal}.`
  if (exit.code === null) return null
  const signal = numbers[exit.code - 128]
  return codes[exit.code] ?? (signal === undefined ? null : signals[signal]!)
}
