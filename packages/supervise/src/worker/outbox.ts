/**
 * Gathers the messages of one turn of the event loop into one write: five times as many per second.
 * The worker's preload takes them apart again, so that the program sees each alone.
 */
interface Posted {
  readonly message: unknown
  readonly resolve: (sent: boolean) => void
  readonly reject: (error: unknown) => void
}

/** Throws at once, a TypeError, when JSON cannot hold the message; else it is on its way. */
type Send = (message: unknown, onSent: (sent: boolean) => void) => void

/** Keeps one write below a megabyte for messages of a kilobyte. */
const batchMax = 500

export class Outbox {
  readonly #send: Send
  #posted: Posted[] = []

  constructor(send: Send) {
    this.#send = send
  }

  /**
   * @returns False when the channel is closed.
   * @throws {TypeError} JSON cannot hold the message.
   */
  async post(message: unknown): Promise<boolean> {
    return await new Promise((resolve, reject) => {
      if (this.#posted.length === 0) process.nextTick(() => this.flush())
      this.#posted.push({ message, resolve, reject })
      if (this.#posted.length === batchMax) this.flush()
    })
  }

  /** Before anything else is sent: messages keep their order. */
  flush(): void {
    const posted = this.#posted
    this.#posted = []
    if (posted.length > 1) this.#sendAll(posted)
    else for (const one of posted) this.#sendOne(one)
  }

  #sendAll(posted: readonly Posted[]): void {
    const messages = posted.map(({ message }) => message)
    try {
      this.#send({ supervise: 'batch', messages }, (sent) => {
        for (const { resolve } of posted) resolve(sent)
      })
    } catch {
      // One of them is no JSON: nothing was written. Alone, only that one fails.
      for (const one of posted) this.#sendOne(one)
    }
  }

  #sendOne({ message, resolve, reject }: Posted): void {
    try {
      this.#send(message, resolve)
    } catch (error) {
      reject(error)
    }
  }
}
