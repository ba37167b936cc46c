/** See server-drain.cjs. */
import type { Server } from 'node:net'

export declare class ServerDrain {
  private constructor()
  static of(server: Server): ServerDrain
  /** @returns How many connections were cut. */
  run(options: { readonly timeoutMs: number; readonly idleGraceMs: number }): Promise<number>
}
