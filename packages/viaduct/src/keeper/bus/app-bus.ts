/**
 * What an instance and the platform say to each other: over a unix socket that any language speaks
 * (`VIADUCT_SOCKET`), and over Node.js IPC. The messages are the same, one JSON value a line.
 *
 * The socket survives the keeper, IPC does not. What comes in is bounded: whoever sends lines that
 * are too long, too many or no JSON is cut off, and the log says so; the app itself goes on.
 */
import type { Server, Socket } from 'node:net'
import { messageOf } from '../../model/app-error.ts'
import {
  busBurstMax,
  busComplaintMs,
  busLineMaxBytes,
  busMessagesPerS,
} from '../../model/limits.ts'
import { readMessages, sendMessage } from '../../wire/framing.ts'
import type { KeeperLog } from '../keeper-log.ts'
import { listenForApp } from './bus-socket.ts'
import type { IpcChannel } from './ipc-channel.ts'
import { WindDown } from './wind-down.ts'

export interface AppBusOptions {
  /** Of the instance. */
  readonly id: string
  readonly log: KeeperLog
  /** null: an earlier keeper had it. */
  readonly ipc: IpcChannel | null
}

/** One connection, or IPC. */
interface Peer {
  readonly windDown: WindDown
  readonly send: (message: unknown) => boolean
  /** Hears it no more. */
  readonly refuse: (why: string) => void
}

/** Whoever opens the bus will say when it has started: as good as a first word. */
const opened = { event: 'status-changed', payload: 'INITIALIZED' }

export class AppBus {
  readonly #options: AppBusOptions
  readonly #peers = new Set<Peer>()
  readonly #sockets = new Set<Socket>()
  #server: Server | null = null
  #onMessage: (message: unknown) => void = () => undefined
  #said: unknown = null
  #asked = false
  #allowance = { left: busBurstMax, at: 0 }
  #complainedAt = -Infinity

  constructor(options: AppBusOptions) {
    this.#options = options
  }

  /**
   * Lets the app connect.
   *
   * @see listenForApp
   */
  async listen(where: { path: string; staging: string; uid: number | null }): Promise<void> {
    this.#server = await listenForApp({
      ...where,
      onConnection: (socket) => this.#accept(socket),
    })
  }

  /** The app's end of IPC, and ours to be held by the shim. */
  ipcDescriptors(): { app: number; far: number } | null {
    return this.#options.ipc?.descriptors() ?? null
  }

  /** After the spawn. */
  start(onMessage: (message: unknown) => void): void {
    const { ipc } = this.#options
    this.#onMessage = onMessage
    if (!ipc) return
    const peer = this.#add(
      (message) => ipc.send(message),
      (why) => this.#complain(why),
    )
    ipc.start((message) => this.#hear(peer, message))
  }

  /** What it said last about being ready; null when it did not even open the bus. */
  get said(): unknown {
    return this.#said
  }

  /** @returns False when nobody is there. */
  send(message: unknown): boolean {
    return [...this.#peers].map((peer) => peer.send(message)).includes(true)
  }

  /**
   * Tells the app that it has to end, now or when it connects.
   *
   * @returns True when it knows what that means and should be left alone to do it for a while.
   */
  askToEnd(): boolean {
    this.#asked = true
    const peers = [...this.#peers]
    const speakers = peers.filter(({ windDown }) => windDown.hasSpoken)
    const asked = speakers.length > 0 ? speakers : peers
    return asked.map(({ windDown }) => windDown.ask()).includes(true)
  }

  /** The socket's file stays, for the next keeper. */
  close(): void {
    this.#options.ipc?.close()
    this.#server?.close()
    for (const socket of this.#sockets) socket.destroy()
  }

  #accept(socket: Socket): void {
    const send = (message: unknown): boolean => {
      if (!socket.writable) return false
      sendMessage(socket, message)
      return true
    }
    const peer = this.#add(send, (why) => socket.destroy(new Error(why)))
    this.#sockets.add(socket)
    socket.on('error', (error) => this.#complain(messageOf(error)))
    socket.on('close', () => {
      this.#sockets.delete(socket)
      this.#peers.delete(peer)
    })
    if (this.#said === null) {
      this.#said = opened
      this.#onMessage(opened)
    }
    readMessages(socket, (message) => this.#hear(peer, message), busLineMaxBytes)
  }

  #add(send: Peer['send'], refuse: Peer['refuse']): Peer {
    const peer = { send, refuse, windDown: new WindDown(send) }
    this.#peers.add(peer)
    return peer
  }

  #hear(peer: Peer, message: unknown): void {
    if (!this.#mayHear()) return peer.refuse(`More than ${busMessagesPerS} messages a second`)
    if (peer.windDown.heard(message)) {
      this.#said = message
      if (this.#asked) peer.windDown.ask() // It has connected again meanwhile.
    }
    this.#onMessage(message)
  }

  #mayHear(): boolean {
    const now = performance.now()
    const { left, at } = this.#allowance
    const grown = Math.min(busBurstMax, left + ((now - at) / 1000) * busMessagesPerS)
    this.#allowance = { left: Math.max(0, grown - 1), at: now }
    return grown >= 1
  }

  /** Not for each of them: an app may connect again and again. */
  #complain(error: string): void {
    const now = performance.now()
    if (now - this.#complainedAt < busComplaintMs) return
    this.#complainedAt = now
    this.#options.log('bus.cut-off', { instance: this.#options.id, error })
  }
}
