/** A master in a process of its own: what becomes of it, and of its workers, by signals. */
import assert from 'node:assert/strict'
import { type ChildProcessByStdio, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { test } from 'node:test'
import { fixtures, library } from '../fixtures/fixture-paths.cjs'
import { ask, startLoad } from '../fixtures/load.ts'
import { freePort, isAlive, until } from '../fixtures/test-master.ts'

class MasterProcess implements AsyncDisposable {
  readonly port: number
  readonly #child: ChildProcessByStdio<null, Readable, null>
  readonly exited: Promise<unknown[]>
  pids: number[] = []

  private constructor(port: number, env: Record<string, string>) {
    this.port = port
    const all = { ...process.env, LIBRARY: library, PORT: String(port), ...env }
    this.#child = spawn(process.execPath, [join(fixtures, 'runs-master.cjs')], {
      env: all,
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    this.exited = once(this.#child, 'exit')
  }

  static async open(env: Record<string, string> = {}): Promise<MasterProcess> {
    const opened = new MasterProcess(await freePort(), { SCRIPT: 'web.cjs', ...env })
    const [line] = (await once(opened.#child.stdout, 'data')) as [Buffer]
    opened.pids = JSON.parse(String(line)) as number[]
    return opened
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.kill('SIGKILL')
    await this.exited
    for (const pid of this.pids) if (isAlive(pid)) process.kill(pid, 'SIGKILL')
  }
}

test('workers end when their master is killed', async () => {
  const OPTIONS = JSON.stringify({ script: undefined, command: ['sleep', '600'], ready: 'alive' })
  const hung = { SCRIPT: 'unruly.cjs', MODE: 'hung' }
  const deaf = { SCRIPT: 'unruly.cjs', MODE: 'deaf' }
  for (const env of [{}, deaf, hung, { OPTIONS, COMMAND: '1' }]) {
    await using opened = await MasterProcess.open(env)
    assert.equal(opened.pids.filter(isAlive).length, 2)
    opened.kill('SIGKILL')
    await until('they are gone', () => opened.pids.filter(isAlive).length === 0)
  }
})

test('SIGTERM, twice, ends workers and master in order', async () => {
  await using opened = await MasterProcess.open()
  opened.kill('SIGTERM')
  opened.kill('SIGTERM')
  assert.deepEqual(await opened.exited, [0, null])
  assert.deepEqual(opened.pids.filter(isAlive), [])
})

test('SIGHUP reloads, and loses nothing', async () => {
  await using opened = await MasterProcess.open()
  const load = startLoad(opened.port, 10)
  opened.kill('SIGHUP')
  await until('the old ones are gone', () => opened.pids.filter(isAlive).length === 0)
  assert.ok(!opened.pids.includes(Number(await ask(opened.port))))
  const { failures } = await load.stop()
  assert.deepEqual(failures, [])
  opened.kill('SIGTERM')
  assert.deepEqual(await opened.exited, [0, null])
})
