/**
 * What the platform's own processes say about themselves: a fixed event name, then fields. Where it
 * goes is the affair of each process's `main.ts`; the output of apps is another thing (`logs/`).
 */
export type LogFields = Readonly<Record<string, unknown>>

export interface Log {
  /** @param event A fixed name, e.g. `deploy.switched`. Fields never hold secrets. */
  debug(event: string, fields?: LogFields): void
  info(event: string, fields?: LogFields): void
  warn(event: string, fields?: LogFields): void
  error(event: string, fields?: LogFields): void
}

/** Says nothing: for tests. */
export const silentLog: Log = { debug() {}, info() {}, warn() {}, error() {} }
