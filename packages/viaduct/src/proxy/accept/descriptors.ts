/**
 * The descriptors of this process: how many it may have, and about how many are open. Sockets of
 * clients and instances are counted as they come and go; the rest (logs, files, libraries) is
 * looked at now and then.
 */
import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { descriptorReserveMax, descriptorReserveMin } from '../../model/proxy-limits.ts'

export class Descriptors {
  /** Infinity: nobody watches. */
  #limit = Infinity
  #reserve = 0
  #others = 0
  /** Sockets of clients and instances that are open. */
  sockets = 0

  /** @param limit As `RLIMIT_NOFILE`. */
  async watch(limit: number): Promise<void> {
    this.#limit = limit
    const share = Math.max(descriptorReserveMin, limit / 16)
    this.#reserve = Math.min(descriptorReserveMax, share, limit / 4)
    await this.countOthers()
  }

  get limit(): number {
    return this.#limit
  }

  get used(): number {
    return this.sockets + this.#others
  }

  /** How many have to go until there is enough room; 0: there is. */
  get excess(): number {
    return Math.max(0, Math.ceil(this.used - (this.#limit - 2 * this.#reserve)))
  }

  /** There is room for more clients again. */
  get hasRoom(): boolean {
    return this.used < this.#limit - 1.5 * this.#reserve
  }

  /** What is left is for the connections that are there. */
  get isFull(): boolean {
    return this.used >= this.#limit - this.#reserve
  }

  /** What is left is for what cannot wait: logs, and helpers. */
  get isOut(): boolean {
    return this.used >= this.#limit - this.#reserve / 2
  }

  /** Looks at all that are open; takes milliseconds when there are many. */
  async countOthers(): Promise<void> {
    const open = await readdir('/proc/self/fd')
    this.#others = Math.max(0, open.length - this.sockets)
  }
}

/** Of the process, as the limit is. */
export const descriptors = new Descriptors()

/** The soft limit; Node.js raises it to the hard one when it starts. */
export function readDescriptorLimit(): number {
  const [, soft] = /^Max open files +(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8')) ?? []
  return soft === undefined ? Infinity : Number(soft)
}
