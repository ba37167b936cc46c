/**
 * What was tried until an instance was ready, and, when it never was, all that is known about why.
 * Plain data: it travels as `data` of the deploy's failure to the CLI, the API and the dashboard.
 */
import type { InstanceExit } from './instance.ts'

/** A run of attempts that went alike: `refused ×212 from 0 to 1.2 s`. */
export interface ReadinessAttempt {
  /** `refused`, `reset`, `timed out`, `not HTTP`, a status (`500`), `mixed`, or a system code. */
  readonly result: string
  readonly count: number
  /** Milliseconds since the waiting began, of the first and of the last of them. */
  readonly fromMs: number
  readonly toMs: number
}

/** A TCP socket that a process accepts connections on. */
export interface ListeningSocket {
  /** Numeric: `127.0.0.1`, `::` … An IPv4 address in an IPv6 socket is given as IPv4. */
  readonly address: string
  readonly port: number
  readonly pid: number
}

export interface ReadinessReport {
  readonly expected: { readonly host: string; readonly port: number }
  readonly attempts: readonly ReadinessAttempt[]
  /** null while it runs. */
  readonly exit: InstanceExit | null
  /** What the code or signal usually means. */
  readonly exitMeaning: string | null
  /** The last lines it wrote, oldest first, without time and source. */
  readonly log: readonly { readonly stream: string; readonly text: string }[]
  /** What its processes listen on. */
  readonly listening: readonly ListeningSocket[]
  /** The likely reason and what to do, when it is clear. */
  readonly advice: string | null
}
