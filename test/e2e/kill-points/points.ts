/**
 * The points of a deploy between two steps that are kept on disk or at the proxies. Each function
 * resolves when the deploy is there and stays there; nothing in the product knows of them.
 */
import assert from 'node:assert/strict'
import { readdir, readFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { parseAppName } from '../../../packages/viaduct/src/model/ids.ts'
import { dataLayout } from '../../../packages/viaduct/src/model/layout.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import type { Held } from '../harness/proxy-relay.ts'
import { until } from '../harness/until.ts'
import type { Scene } from './scene.ts'

export interface Point {
  readonly name: string
  /** Before the deploy is asked for. @returns what is to be awaited after the death. */
  readonly prepare?: (scene: Scene) => Promise<(() => Promise<void>) | void>
  /** After it was asked for. */
  readonly arrive: (scene: Scene) => Promise<void>
  /** The death comes before the deploy is recorded: its client is told, and nothing happens. */
  readonly unrecorded?: true
}

/** From the upload to the artifact. */
export const buildPoints: readonly Point[] = [
  {
    name: 'the upload is on disk, the deploy not recorded',
    prepare: holdMailbox,
    async arrive({ platform }) {
      const { uploads } = dataLayout(platform.dataDir)
      const before = (await platform.client.deploys.list('good')).length
      await until(async () => (await readdir(uploads)).length === 1)
      assert.equal((await platform.client.deploys.list('good')).length, before)
    },
    unrecorded: true,
  },
  {
    name: 'the upload is recorded, its build waits for another one',
    async prepare({ app, platform }) {
      await app.hold('build')
      const other = new Uint8Array(await app.pack())
      const { id } = await platform.client.deploys.create('other', other)
      const state = async (): Promise<string> =>
        (await platform.client.deploys.get('other', id)).state
      await until(async () => (await state()) === 'building')
      return async () => {
        await until(async () => (await state()) === 'succeeded')
        await platform.client.apps.destroy('other')
      }
    },
    arrive: (scene) => untilDeployIs(scene, 'queued'),
  },
  {
    name: 'the build runs',
    prepare: ({ app }) => app.hold('build'),
    async arrive(scene) {
      await untilDeployIs(scene, 'building')
      const waits = async (): Promise<boolean> =>
        (await scene.platform.appProcesses()).some(({ command }) => command[0] === 'sleep')
      await until(waits, { what: 'the build command runs' })
    },
  },
  {
    name: 'the artifact is sealed, the release not recorded',
    prepare: ({ app }) => app.hold('build'),
    async arrive(scene) {
      const { app, platform } = scene
      await untilDeployIs(scene, 'building')
      const { artifacts } = dataLayout(platform.dataDir).app(parseAppName('good'))
      const sealed = async (): Promise<number> =>
        (await readdir(artifacts)).filter((name) => !name.startsWith('.')).length
      const before = await sealed()
      await holdMailbox(scene)
      await app.release()
      await until(async () => (await sealed()) === before + 1)
      await untilDeployIs(scene, 'building')
    },
  },
]

/** From the first instance to the swap. */
export const startPoints: readonly Point[] = [
  {
    name: 'the new instances are starting',
    prepare: ({ app }) => app.hold('boot'),
    arrive: (scene) => scene.untilState('starting'),
  },
  {
    name: 'the new instances are ready, the routes not written',
    prepare: ({ app }) => app.hold('boot'),
    async arrive({ app, platform }) {
      const instances = await until(async () => {
        const all = await platform.client.apps.instances('good')
        const starting = all.filter(({ state, pid }) => state === 'starting' && pid !== null)
        return starting.length === 2 && starting
      })
      process.kill(await platform.daemonPid(), 'SIGSTOP')
      await app.release()
      for (const { port } of instances) await until(() => accepts(port))
    },
  },
]

/** The swap itself. */
export const swapPoints: readonly Point[] = [
  {
    name: 'the routes are written, no proxy knows them',
    prepare: async ({ relay }) => [0, 1].forEach((slot) => relay.hold(slot, 'calls')),
    arrive: (scene) => untilHeld(scene, ['calls', 'calls']),
  },
  {
    name: 'one proxy has the routes, the other one not',
    async prepare({ relay }) {
      relay.hold(0, 'answers')
      relay.hold(1, 'calls')
    },
    arrive: (scene) => untilHeld(scene, ['answers', 'calls']),
  },
  {
    name: 'every proxy serves by the new routes, nothing is recorded',
    prepare: async ({ relay }) => [0, 1].forEach((slot) => relay.hold(slot, 'answers')),
    arrive: (scene) => untilHeld(scene, ['answers', 'answers']),
  },
]

/** After the swap. */
export const drainPoint: Point = {
  name: 'the old instances are draining',
  async prepare({ platform }) {
    const slow = fetchApp(platform.url('good'), { path: '/slow?ms=3000' })
    slow.catch(() => null) // Awaited after the death.
    return async () => assert.equal((await slow).status, 200, 'What was in flight is answered')
  },
  arrive: (scene) => scene.untilState('draining'),
}
export const warmPoint: Point = {
  name: 'the old instances are warm',
  async arrive(scene) {
    await untilNoDeploy(scene)
    await until(async () => {
      const states = await scene.states()
      return states.includes('warm') && !states.includes('draining')
    })
  },
}
export const stopPoint: Point = {
  name: 'instances are being stopped',
  arrive: (scene) => scene.untilState('stopping'),
}

/** Events of the app wait for a swap that no proxy answers: one of its instances was killed. */
async function holdMailbox({ platform, relay, load }: Scene): Promise<void> {
  const instances = await platform.client.apps.instances('good')
  const victim = instances.find(({ state }) => state === 'ready')
  const processes = await platform.appProcesses()
  const server = processes.find(
    ({ pid, group, command }) =>
      [pid, group].includes(victim?.pid ?? 0) && command.includes('server.js'),
  )
  assert.ok(victim && server)
  for (const slot of [0, 1]) relay.hold(slot, 'answers')
  load.markKill({ what: 'instance', id: victim.id })
  process.kill(server.pid, 'SIGKILL')
  await until(() => heldWords.answers.test(relay.held(0)))
}

async function untilDeployIs({ platform }: Scene, state: string): Promise<void> {
  await until(async () => (await platform.client.deploys.list('good'))[0]?.state === state)
}

async function untilNoDeploy({ platform }: Scene): Promise<void> {
  await until(async () => (await platform.client.apps.get('good')).deploy === null)
}

/** What tells that it is the swap which is held: the daemon's call, or the proxy's word to it. */
const heldWords = { calls: /"call":"(routes|change)"/, answers: /"applied":true/ }

/** Until both proxies are where they should be, and the file names the new instances. */
async function untilHeld({ platform, relay }: Scene, held: readonly Held[]): Promise<void> {
  const isHeld = (what: Held, slot: number): boolean => heldWords[what].test(relay.held(slot))
  await until(() => held.every(isHeld), { what: 'the swap is held' })
  const [deploy] = await platform.client.deploys.list('good')
  assert.equal(deploy?.state, 'starting', 'Its end is not recorded')
  const text = await readFile(dataLayout(platform.dataDir).routes, 'utf8')
  assert.ok(text.includes(`"good.v${deploy.release}.web.`), 'The new instances are in the file')
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1', () => socket.end())
    socket.on('error', () => resolve(false))
    socket.on('close', (failed) => resolve(!failed))
  })
}
