/**
 * What one process of an app is told before it is ended, in the two protocols of the seeds:
 *
 * - trajan: it has said `{ message: 'online', port }`; it gets `'Die'`.
 * - drover: it reports `{ event: 'status-changed', payload }`; it gets `'stop'`, and `'quit'` when
 *   it has reported STOPPED (5). Its SIGTERM handler does nothing.
 *
 * One that spoke neither gets `'Die'` along with SIGTERM, if nobody else of the app spoke.
 */
const droverStopped: readonly unknown[] = [5, 'STOPPED']

export class WindDown {
  readonly #send: (message: unknown) => boolean
  #protocol: 'none' | 'trajan' | 'drover' = 'none'
  #asked = false

  constructor(send: (message: unknown) => boolean) {
    this.#send = send
  }

  /** It has said something of one of the protocols. */
  get hasSpoken(): boolean {
    return this.#protocol !== 'none'
  }

  /** Looks at what it says. @returns False when that is of neither protocol. */
  heard(message: unknown): boolean {
    if (typeof message !== 'object' || message === null) return false
    const { event, payload, message: word } = message as Readonly<Record<string, unknown>>
    if (word === 'online') this.#protocol = 'trajan'
    else if (event === 'status-changed') this.#protocol = 'drover'
    else return false
    if (this.#asked && droverStopped.includes(payload)) this.#send('quit')
    return true
  }

  /**
   * Sends the message, once.
   *
   * @returns True when it knows what that means and should be left alone to do it for a while.
   */
  ask(): boolean {
    if (this.#asked) return this.hasSpoken
    this.#asked = true
    const told = this.#send(this.#protocol === 'drover' ? 'stop' : 'Die')
    return told && this.hasSpoken
  }
}
