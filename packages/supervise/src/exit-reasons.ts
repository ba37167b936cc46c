/**
 * Why a worker ended that nobody had told to end: the first argument of `worker-exit`. Each is a
 * class, so that a handler can ask `reason instanceof ExitReasons.NormalExit`.
 */
abstract class ExitReason<Payload> {
  readonly payload: Payload

  constructor(payload: Payload) {
    this.payload = payload
  }
}

/** Killed by a signal: `payload.signal` is its name. */
class ExternalSignal extends ExitReason<{
  readonly signal: NodeJS.Signals
  readonly code?: never
}> {}

/** Ended with code 0. */
class NormalExit extends ExitReason<{ readonly code: 0; readonly signal?: never }> {}

/** Ended with another code than 0. */
class AbnormalExit extends ExitReason<{ readonly code: number; readonly signal?: never }> {}

export const ExitReasons = Object.freeze({ ExternalSignal, NormalExit, AbnormalExit })

export type WorkerExitReason = ExternalSignal | NormalExit | AbnormalExit

/** @param code null when a signal ended it, as Node.js tells it. */
export function exitReasonOf(code: number | null, signal: NodeJS.Signals | null): WorkerExitReason {
  if (signal !== null) return new ExternalSignal({ signal })
  return code === 0 ? new NormalExit({ code }) : new AbnormalExit({ code: code ?? 1 })
}
