/**
 * What this library throws. Each class has a `code` that stays, and `extra`: what was given, what
 * was wanted, which worker it is about.
 */
export class SuperviseError extends Error {
  readonly code: string = 'ERR_SUPERVISE'
  readonly extra: Readonly<Record<string, unknown>>

  /** @param extra Values that JSON can hold. */
  constructor(message: string, extra: Readonly<Record<string, unknown>> = {}, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = new.target.name
    this.extra = extra
  }

  override toString(): string {
    const text = super.toString()
    return Object.keys(this.extra).length === 0 ? text : `${text} Extra: ${this.#json()}`
  }

  #json(): string {
    try {
      return JSON.stringify(this.extra)
    } catch {
      return '(not JSON)' // A cycle or a bigint; the message says what it was about.
    }
  }
}

/** An option is unknown, or has the wrong type or value: `extra.option`, `given`, `wanted`. */
export class InvalidConfigurationError extends SuperviseError {
  override readonly code = 'ERR_INVALID_CONFIGURATION'
}

/** An argument of a method has the wrong type or value. */
export class InvalidArgumentError extends SuperviseError {
  override readonly code = 'ERR_INVALID_ARGUMENT'
}

/** `start` of a master that has started or is starting. */
export class AlreadyInitializedError extends SuperviseError {
  override readonly code = 'ERR_ALREADY_INITIALIZED'
}

/** The master is in no condition for this: `extra.status`, and `extra.operation` when one runs. */
export class InappropriateConditionError extends SuperviseError {
  override readonly code = 'ERR_INAPPROPRIATE_CONDITION'
}

/** A `MessageBus` outside a worker. */
export class InvalidClusterContextError extends SuperviseError {
  override readonly code = 'ERR_INVALID_CLUSTER_CONTEXT'
}

/** A worker did something else than what was waited for, most often: it ended during its start. */
export class WorkerStatusError extends SuperviseError {
  override readonly code: string = 'ERR_WORKER_STATUS'
}

/** A worker did not do in time what was waited for: `extra.timeoutMs`. */
export class TimeoutError extends WorkerStatusError {
  override readonly code = 'ERR_TIMEOUT'
}

/** A worker cannot be started, or a message not be sent to it, in the state that it is in. */
export class UnexpectedWorkerState extends SuperviseError {
  override readonly code = 'ERR_UNEXPECTED_WORKER_STATE'
}

/** How a value that was given is shown in a message. */
export function describe(value: unknown): string {
  if (typeof value === 'string') return `"${value.length > 80 ? `${value.slice(0, 80)}…` : value}"`
  if (typeof value === 'function') return 'a function'
  if (Array.isArray(value)) return `an array of ${value.length}`
  if (typeof value === 'object' && value !== null) {
    return `an object of ${value.constructor?.name ?? 'no class'}`
  }
  return String(value)
}
