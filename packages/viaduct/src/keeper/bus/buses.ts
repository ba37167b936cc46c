/** Makes the message buses of instances, and finds those that an earlier keeper made. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { messageOf } from '../../model/app-error.ts'
import type { KeeperLog } from '../keeper-log.ts'
import { AppBus } from './app-bus.ts'
import { ownerOfSocket } from './bus-socket.ts'
import { IpcChannel } from './ipc-channel.ts'

export interface BusesOptions {
  /** Folder with short paths for sockets that live for a moment, `run`. */
  readonly run: string
  /** Where an instance finds its socket. */
  readonly pathOf: (id: string) => string
  readonly log: KeeperLog
}

export class Buses {
  readonly #options: BusesOptions
  #made = 0

  constructor(options: BusesOptions) {
    this.#options = options
  }

  /**
   * For a new instance, with an IPC channel.
   *
   * @param uid Who may connect; null: the platform's own user.
   * @throws {Error} System errors of the sockets; nothing is left then.
   */
  async open(id: string, uid: number | null): Promise<AppBus> {
    const { log, pathOf } = this.#options
    const ipc = await IpcChannel.open(this.#staging('ipc'))
    const bus = new AppBus({ id, log, ipc })
    try {
      await bus.listen({ path: pathOf(id), staging: this.#staging('bus'), uid })
      return bus
    } catch (error) {
      bus.close()
      throw error
    }
  }

  /** @returns null where there was none, or it cannot be had: the instance lives on without. */
  async adopt(id: string): Promise<AppBus | null> {
    const { log, pathOf } = this.#options
    const path = pathOf(id)
    try {
      const uid = ownerOfSocket(path)
      if (uid === null) return null
      const bus = new AppBus({ id, log, ipc: null })
      await bus.listen({ path, staging: this.#staging('bus'), uid })
      return bus
    } catch (error) {
      log('bus.lost', { instance: id, error: messageOf(error) })
      return null
    }
  }

  pathOf(id: string): string {
    return this.#options.pathOf(id)
  }

  async remove(id: string): Promise<void> {
    await rm(this.#options.pathOf(id), { force: true })
  }

  /** Named for this process, so that a later keeper knows what was left by a dead one. */
  #staging(kind: 'ipc' | 'bus'): string {
    return join(this.#options.run, `${kind}-${process.pid}-${++this.#made}.sock`)
  }
}
