/**
 * Reads the two FIFOs of an instance, stamps the lines and gives them to the log file's writer.
 *
 * When the disk is slower than the app, reading pauses and the pipe fills: nothing grows here.
 */
import { Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { type LogStream, renderStamp } from '../../logs/line-format.ts'
import { LineStamper } from '../../logs/line-stamper.ts'
import type { SharedWriter } from '../../logs/shared-writers.ts'
import { openOutput } from './instance-files.ts'
import type { OutputEmitter } from './output-emitter.ts'

export interface LogPipesOptions {
  /** The instance's directory. */
  readonly dir: string
  readonly source: string
  readonly log: SharedWriter
  /** Is told the lines, when somebody watches. */
  readonly emitter?: OutputEmitter
}

interface Pipe {
  readonly socket: Socket
  readonly stamper: LineStamper
  readonly closed: Promise<void>
}

/**
 * One for all pipes: what is read is stamped, which copies it, before the next read. A buffer for
 * each would make the keeper collect garbage while apps wait for it.
 */
const readBuffer = Buffer.allocUnsafeSlow(64 * 1024)

export class LogPipes {
  readonly #log: SharedWriter
  readonly #pipes: readonly Pipe[]
  readonly #source: string
  readonly #emitter: OutputEmitter | undefined
  #released = false

  private constructor(options: LogPipesOptions, pipes: readonly Pipe[]) {
    this.#log = options.log
    this.#source = options.source
    this.#emitter = options.emitter
    this.#pipes = pipes
  }

  /** @throws {Error} System errors of open, e.g. ENOENT. */
  static open(options: LogPipesOptions): LogPipes {
    const pipes = [openPipe('stdout', options), openPipe('stderr', options)]
    return new LogPipes(options, pipes)
  }

  /**
   * Waits for the end of both outputs, then until all is written.
   *
   * @param lastLine Goes into the log after all others.
   * @returns False when a writer still holds one open after `timeoutMs`; it is not read any more.
   */
  async finish(timeoutMs: number, lastLine: string | null = null): Promise<boolean> {
    const ended = Promise.all(this.#pipes.map((pipe) => pipe.closed))
    const stop = new AbortController()
    const limit = delay(timeoutMs, false, { signal: stop.signal }).catch(() => false)
    const complete = await Promise.race([ended.then(() => true), limit])
    stop.abort()
    await this.close(lastLine)
    return complete
  }

  /** Writes a line of the platform's own into the log. */
  note(text: string): void {
    const stamp = renderStamp(new Date().toISOString(), this.#source, 'stdout')
    this.#log.writer.write(Buffer.from(`${stamp}${text.replaceAll(/[\r\n]+/g, ' ')}\n`))
  }

  /** Stops reading; what is unread stays in the FIFO for the next keeper. */
  async close(lastLine: string | null = null): Promise<void> {
    if (this.#released) return
    this.#released = true
    for (const { socket, stamper } of this.#pipes) {
      socket.destroy()
      this.#log.writer.write(stamper.flush())
    }
    this.#emitter?.end()
    if (lastLine !== null) this.note(lastLine)
    await this.#log.release()
  }
}

function openPipe(stream: LogStream, options: LogPipesOptions): Pipe {
  const { source, emitter } = options
  const { writer } = options.log
  const stamper = new LineStamper({
    source,
    stream,
    ...(emitter && { onLine: (line) => emitter.take(stream, line) }),
  })
  const take = (bytes: number, buffer: Uint8Array): boolean => {
    const chunk = Buffer.from(buffer.buffer, buffer.byteOffset, bytes)
    if (writer.write(stamper.push(chunk))) return true
    void writer.ready().then(() => socket.resume())
    return false // Pauses it.
  }
  const socket = new Socket({
    fd: openOutput(options.dir, stream),
    readable: true,
    writable: false,
    onread: { buffer: readBuffer, callback: take },
  })
  const closed = new Promise<void>((resolve) => socket.once('close', () => resolve()))
  socket.on('error', () => socket.destroy()) // A pipe that breaks has ended.
  socket.resume()
  return { socket, stamper, closed }
}
