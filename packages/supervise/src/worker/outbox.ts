/**
 * Gathers the messages of one turn of the event loop into one write: five times as many per second.
 * The worker's preload takes them apart again, so that the program sees each alone.
 */
interface Posted {
  readonly message: unknown
  readonly resolve: (sent: boolean) => void
  readonly reject: (error: unknown) => void
}

/** Keeps one write below a megabyte for messages of a kilobyte. */
const batchMax = 500

export class Outbox {
  readonly #send: (message: unknown) => Promise<boolean>
  #posted: Posted[] = []

  constructor(send: (message: unknown) => Promise<boolean>) {
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
    if (posted.length > 1) void this.#sendAll(posted)
    else for (const one of posted) this.#sendOne(one)
  }

  async #sendAll(posted: readonly Posted[]): Promise<void> {
    try {
      const messages = posted.map(({ message }) => message)
      const sent = await this.#send({ supervise: 'batch', messages })
      for (const { resolve } of posted) resolve(sent)
    } catch {
      // One of them is no JSON: nothing was written. Alone, only that one fails.
      for (const one of posted) this.#sendOne(one)
    }
  }

  #sendOne({ message, resolve, reject }: Posted): void {
    this.#send(message).then(resolve, reject)
  }
}
