/**
 * What an app is told over IPC before it is ended, in the two protocols of the seeds:
 *
 * - trajan: the app has said `{ message: 'online', port }`; it gets `'Die'`.
 * - drover: the app reports `{ event: 'status-changed', payload }`; it gets `'stop'`, and `'quit'`
 *   when it has reported STOPPED (5). Its SIGTERM handler does nothing.
 *
 * An app that spoke neither gets `'Die'` along with SIGTERM.
 */
const droverStopped = 5

export class WindDown {
  readonly #send: (message: unknown) => boolean
  #protocol: 'none' | 'trajan' | 'drover' = 'none'
  #asked = false

  constructor(send: (message: unknown) => boolean) {
    this.#send = send
  }

  /** Looks at what the app says. */
  heard(message: unknown): void {
    if (typeof message !== 'object' || message === null) return
    if ('message' in message && message.message === 'online') this.#protocol = 'trajan'
    if (!('event' in message) || message.event !== 'status-changed') return
    this.#protocol = 'drover'
    if (this.#asked && 'payload' in message && message.payload === droverStopped) this.#send('quit')
  }

  /**
   * Sends the message.
   *
   * @returns True when the app knows what it means and should be left alone to do it for a while.
   */
  ask(): boolean {
    this.#asked = true
    const told = this.#send(this.#protocol === 'drover' ? 'stop' : 'Die')
    return told && this.#protocol !== 'none'
  }
}
