/**
 * Collects all that is known about an instance that did not get ready: attempts, exit, last log
 * lines, and the ports its processes really listen on. Called once, after the failure and before
 * the instance is stopped. Lines for people: `render-readiness-report.ts`.
 */
import type { InstanceExit } from '../../model/instance.ts'
import { diagnoseLogLines, diagnoseLogTimeoutMs } from '../../model/limits.ts'
import type { ReadinessAttempt, ReadinessReport } from '../../model/readiness.ts'
import { readLog } from '../../logs/read-log.ts'
import { advise } from './advise.ts'
import { explainExit } from './explain-exit.ts'
import { listeningSockets } from './listening-sockets.ts'

/**
 * @param options.pids The instance's living processes, as the keeper gives them.
 * @param options.exit null while it runs.
 * @param options.logFile The release's `app.log`.
 * @param options.source Only lines of this source, e.g. `web.1`.
 * @param options.since Only lines from this Unix time (ms) on, e.g. the instance's start.
 * @throws {Error} System errors of reading the log, e.g. EACCES. A missing log is empty.
 */
export async function reportNotReady(options: {
  pids: readonly number[]
  expectedPort: number
  expectedHost: string
  attempts: readonly ReadinessAttempt[]
  exit: InstanceExit | null
  logFile: string
  source: string
  since?: number
}): Promise<ReadinessReport> {
  const { pids, expectedPort, expectedHost, attempts, exit } = options
  const facts = {
    expected: { host: expectedHost, port: expectedPort },
    attempts,
    exit,
    exitMeaning: explainExit(exit),
    log: await lastLines(options),
    listening: await listeningSockets(pids),
  }
  return { ...facts, advice: advise(facts) }
}

async function lastLines(options: {
  logFile: string
  source: string
  since?: number
}): Promise<ReadinessReport['log']> {
  const lines = await readLog({
    file: options.logFile,
    lines: diagnoseLogLines,
    filter: (line) => line.source === options.source,
    since: options.since,
    // Beside a worker that writes all the time, ours may be far back: then fewer lines will do.
    signal: AbortSignal.timeout(diagnoseLogTimeoutMs),
  })
  return lines.map(({ stream, text }) => ({ stream, text }))
}
