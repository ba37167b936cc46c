/** The message bus over a unix socket: what the platform makes of it is tested there. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { rm } from 'node:fs/promises'
import { createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import { test } from 'node:test'
import { fixtures, library } from '../fixtures/fixture-paths.cjs'
import { withTemporaryFolder } from '../fixtures/temporary-folder.ts'
import { TestMaster, until } from '../fixtures/test-master.ts'

const started = { event: 'status-changed', payload: 3 }

/** A platform, as far as a bus sees it. */
class Platform implements AsyncDisposable {
  readonly heard: unknown[] = []
  readonly sockets = new Set<Socket>()
  readonly #server = createServer((socket) => this.#accept(socket))

  static async open(path: string): Promise<Platform> {
    const platform = new Platform()
    platform.#server.listen(path)
    await once(platform.#server, 'listening')
    return platform
  }

  say(text: string): void {
    for (const socket of this.sockets) socket.write(text)
  }

  #accept(socket: Socket): void {
    this.sockets.add(socket)
    let rest = ''
    socket.setEncoding('utf8').on('data', (chunk: string) => {
      const lines = (rest + chunk).split('\n')
      rest = lines.pop() ?? ''
      this.heard.push(...lines.map((line) => JSON.parse(line) as unknown))
    })
    socket.on('error', () => undefined).on('close', () => this.sockets.delete(socket))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    for (const socket of this.sockets) socket.destroy()
    await closed
  }
}

function isStarted(said: unknown): boolean {
  return (said as typeof started).payload === started.payload
}

function start(path: string, more: Record<string, string> = {}): ChildProcess {
  const env = { ...process.env, LIBRARY: library, VIADUCT_SOCKET: path, ...more }
  const stdio = ['ignore', 'pipe', 'inherit', 'ipc'] as const
  return spawn(process.execPath, [join(fixtures, 'speaks.cjs')], { env, stdio: [...stdio] })
}

test('speaks over the socket, not over IPC, and keeps it from its children', async () => {
  await withTemporaryFolder(async (folder) => {
    await using platform = await Platform.open(join(folder, 'bus'))
    const child = start(join(folder, 'bus'))
    const overIpc: unknown[] = []
    child.on('message', (message) => overIpc.push(message))
    try {
      await until('it has started', () => platform.heard.length === 2)
      assert.deepEqual(platform.heard, [{ second: true, left: null }, started])
      child.kill('SIGTERM') // Is left to the platform's message.
      // Cut in the middle of a letter, and with a line that is no JSON.
      const text = Buffer.from('no json\n{"a":"ü"}\n')
      const [socket] = platform.sockets
      socket?.write(text.subarray(0, 15))
      await new Promise((resolve) => socket?.write(text.subarray(15), resolve))
      await until('it echoes', () => platform.heard.length === 3)
      assert.deepEqual(platform.heard[2], { echo: { a: 'ü' } })
      platform.say('"stop"\n')
      await until('it has stopped', () => platform.heard.length >= 6)
      platform.say('"quit"\n')
      assert.deepEqual(await once(child, 'exit'), [0, null])
      assert.deepEqual(
        platform.heard.slice(3, 6), // Both buses say that they stop; one has a handler.
        [4, 4, 5].map((payload) => ({ ...started, payload })),
      )
      assert.deepEqual(overIpc, [])
    } finally {
      child.kill('SIGKILL')
    }
  })
})

test('connects again to the next platform, and says again how it is', async () => {
  await withTemporaryFolder(async (folder) => {
    const path = join(folder, 'bus')
    const child = start(path) // Before anybody is there.
    try {
      for (let round = 0; round < 3; round++) {
        await rm(path, { force: true })
        await using platform = await Platform.open(path)
        await until('it says how it is', () => platform.heard.some(isStarted))
        if (round > 0) assert.deepEqual(platform.heard, [started])
      }
      assert.equal(child.exitCode, null)
      await using last = await Platform.open(path)
      await until('it is there', () => last.sockets.size === 1)
      last.say('x'.repeat(2 ** 20 + 1)) // A line without an end: not the platform that we know.
      await until('it leaves, and comes back', () => last.heard.filter(isStarted).length === 2)
      last.say('"quit"\n')
      assert.deepEqual(await once(child, 'exit'), [0, null])
    } finally {
      child.kill('SIGKILL')
    }
  })
})

test('a worker speaks with its master, also where the master has a platform', async () => {
  await withTemporaryFolder(async (folder) => {
    await using platform = await Platform.open(join(folder, 'bus'))
    process.env['VIADUCT_SOCKET'] = join(folder, 'bus')
    try {
      await using script = await TestMaster.open('speaks.cjs', { count: 1 })
      await script.master.start()
      const command = [process.execPath, join(fixtures, 'speaks.cjs')]
      await using any = await TestMaster.open('speaks.cjs', { command, count: 1, ready: 'message' })
      await any.master.start()
      assert.deepEqual(platform.heard, [])
      const echo = ['sh', '-c', 'echo "<$VIADUCT_SOCKET>"; exec sleep 60']
      await using other = await TestMaster.open('', {
        command: echo,
        count: 1,
        ready: 'alive',
        output: 'lines',
      })
      const line = once(other.master, 'worker-output')
      await other.master.start()
      assert.equal((await line)[0], '<>')
    } finally {
      delete process.env['VIADUCT_SOCKET']
    }
  })
})

test('a worker of node:cluster speaks with its primary', async () => {
  await withTemporaryFolder(async (folder) => {
    await using platform = await Platform.open(join(folder, 'bus'))
    const child = start(join(folder, 'bus'), { CLUSTER: '1' })
    let text = ''
    child.stdout?.on('data', (chunk) => (text += String(chunk)))
    try {
      await until('it has started', () => text.includes(JSON.stringify(started)))
      assert.deepEqual(platform.heard, [])
    } finally {
      child.kill('SIGKILL')
    }
  })
})
