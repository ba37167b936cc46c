/**
 * Runs one command of a build and turns its failure into an error that says all there is to know:
 * the step, the command, how it ended, the lines that say why.
 *
 * How a command is run (as the app's user, below the keeper) is the caller's: `RunJob`.
 */
import { AppError } from '../model/app-error.ts'
import type { DeployTask } from '../model/release.ts'
import type { Environment } from './compose-environment.ts'
import { FailureLines, saysFull } from './failure-lines.ts'

export type OutputStream = 'stdout' | 'stderr'

/** A command to be run by `sh -c`, with this environment and no other. */
export interface Job {
  /**
   * Constant text of a builder, or a whole line of the user's own: nothing of a user is ever put
   * into a line of ours.
   */
  readonly command: string
  /** For the log, as a person would type it; its end is noted, too. */
  readonly shown?: string
  readonly cwd: string
  readonly env: Environment
  /** Called for each line of output, without its newline. */
  readonly onLine: (stream: OutputStream, line: string) => void
  /** When it aborts, the command and all its descendants are killed. */
  readonly signal: AbortSignal
  readonly timeoutMs: number
}

/**
 * Runs a job to its end; resolves when nothing of it is left. After `timeoutMs` everything is
 * killed and it resolves with the signal.
 */
export type RunJob = (job: Job) => Promise<{ code: number | null; signal: string | null }>

/** What a build says while it runs, for events and terminals. */
export type BuildOutput =
  | { readonly type: 'step'; readonly step: string; readonly command: string }
  | { readonly type: 'line'; readonly stream: OutputStream; readonly line: string }

/** `command`: a line of `install` in the manifest. Tasks run when all is built. */
export type StepName = 'install' | 'command' | 'build' | 'prune' | DeployTask

export interface StepOptions {
  readonly step: StepName
  /** As a person would type it: `npm ci --omit=dev`. */
  readonly shown: string
  readonly command: string
  readonly cwd: string
  readonly env: Environment
  readonly timeoutMs: number
  readonly signal: AbortSignal
  readonly runJob: RunJob
  readonly onOutput: (output: BuildOutput) => void
  /** What to do about a failure. Default: see its lines. */
  readonly explain?: (output: FailureLines) => string
}

/**
 * @throws {AppError} `build-failed` with `data` `{ step, command, exitCode | signal, timeoutMs?,
 *   lines }`; `disk-full`, with the same data, when the lines say so. `lines`: see `FailureLines`.
 * @throws What `options.signal` aborted with.
 */
export async function runStep(options: StepOptions): Promise<void> {
  const output = new FailureLines()
  const { step, shown, runJob, signal, timeoutMs, onOutput } = options
  onOutput({ type: 'step', step, command: shown })
  const startedAt = performance.now()
  const end = await runJob({
    command: options.command,
    shown,
    cwd: options.cwd,
    env: options.env,
    signal,
    timeoutMs,
    onLine: (stream, line) => {
      output.add(line)
      onOutput({ type: 'line', stream, line })
    },
  })
  signal.throwIfAborted()
  if (end.code === 0) return
  const isLate = performance.now() - startedAt >= timeoutMs
  throw failure(options, { ...end, isLate, output })
}

/** When nothing more is known about a failure. */
export const defaultHint = 'Its last lines say why. The release that runs was not touched.'

function failure(
  { step, shown, timeoutMs, explain = () => defaultHint }: StepOptions,
  end: { code: number | null; signal: string | null; isLate: boolean; output: FailureLines },
): AppError {
  const lines = end.output.lines()
  const how = end.code === null ? `was ended by ${end.signal}` : `ended with code ${end.code}`
  const reason = end.isLate ? `took longer than ${timeoutMs} ms` : how
  const isFull = lines.some(saysFull)
  return new AppError(isFull ? 'disk-full' : 'build-failed', `"${shown}" ${reason}`, {
    ...(!isFull && { hint: explain(end.output) }),
    data: {
      step,
      command: shown,
      ...(end.code === null ? { signal: end.signal } : { exitCode: end.code }),
      ...(end.isLate && { timeoutMs }),
      lines,
    },
  })
}
