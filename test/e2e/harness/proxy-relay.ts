/**
 * Stands between the daemon and the control sockets of the proxies, so that a test can hold what
 * one says to the other: the daemon's swap is then at a known point for as long as the test wants.
 * Nothing is changed on the way.
 */
import { rename, rm } from 'node:fs/promises'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { join } from 'node:path'
import { askKeeper } from '../../../bench/scenarios/chaos-invariants.ts'
import type { Platform } from './start-platform.ts'

/** `calls`: the proxy does not hear the daemon. `answers`: the daemon does not hear the proxy. */
export type Held = 'calls' | 'answers'

export interface ProxyRelay extends AsyncDisposable {
  /** Begins to hold at one proxy, the first one being 0. */
  hold(slot: number, what: Held): void
  /** What has been held at that proxy until now. */
  held(slot: number): string
  /** Lets everything through again, and what was held of lines that are still open. */
  release(): void
}

/** The daemon must be made to connect anew afterwards, e.g. by its death. */
export async function openProxyRelay(platform: Platform): Promise<ProxyRelay> {
  const { proxies } = await askKeeper(platform)
  const gates = await Promise.all(
    proxies.map(({ slot, socket }) => Gate.open(socket, join(platform.home, `proxy-${slot}.real`))),
  )
  const gateOf = (slot: number): Gate => gates[slot] ?? fail(slot)
  return {
    hold: (slot, what) => gateOf(slot).hold(what),
    held: (slot) => gateOf(slot).heldText,
    release: () => gates.forEach((gate) => gate.release()),
    async [Symbol.asyncDispose]() {
      await Promise.all(gates.map((gate) => gate[Symbol.asyncDispose]()))
    },
  }
}

function fail(slot: number): never {
  throw new Error(`There is no proxy ${slot}`)
}

class Gate implements AsyncDisposable {
  readonly #path: string
  readonly #real: string
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #holding: Held | null = null
  #pieces: { to: Socket; data: Buffer }[] = []

  private constructor(path: string, real: string) {
    this.#path = path
    this.#real = real
    this.#server = createServer((client) => this.#pair(client, connect(real)))
  }

  static async open(path: string, real: string): Promise<Gate> {
    const gate = new Gate(path, real)
    await rename(path, real)
    await new Promise<void>((resolve) => gate.#server.listen({ path }, () => resolve()))
    return gate
  }

  get heldText(): string {
    return this.#pieces.map(({ data }) => data.toString()).join('')
  }

  hold(what: Held): void {
    this.#holding = what
  }

  release(): void {
    this.#holding = null
    for (const { to, data } of this.#pieces.splice(0)) if (to.writable) to.write(data)
  }

  #pair(client: Socket, proxy: Socket): void {
    this.#pass(client, { to: proxy, kind: 'calls' })
    this.#pass(proxy, { to: client, kind: 'answers' })
  }

  #pass(from: Socket, { to, kind }: { to: Socket; kind: Held }): void {
    this.#sockets.add(from)
    from.on('data', (data) => {
      if (this.#holding === kind) this.#pieces.push({ to, data })
      else to.write(data)
    })
    from.on('error', () => from.destroy()) // Its peer was killed: that is what these tests do.
    from.on('close', () => {
      this.#sockets.delete(from)
      to.destroy()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.release()
    const closed = new Promise((resolve) => this.#server.close(resolve))
    for (const socket of this.#sockets) socket.destroy()
    await closed
    await rm(this.#path, { force: true })
    await rename(this.#real, this.#path)
  }
}
