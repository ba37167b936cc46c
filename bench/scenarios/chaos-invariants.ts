/**
 * What must be true of a platform whenever it has come to rest, whatever happened to it: engine,
 * keeper, proxies, processes and folders agree.
 */
import { existsSync } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import type { AppResource } from '../../packages/viaduct/src/contract/resources.ts'
import { dataLayout } from '../../packages/viaduct/src/model/layout.ts'
import { isFinished } from '../../packages/viaduct/src/model/release.ts'
import { parseRouteFile } from '../../packages/viaduct/src/model/routing/route-file.ts'
import type { RouteTable } from '../../packages/viaduct/src/model/routing/route.ts'
import type { KeeperCalls, KeeperState } from '../../packages/viaduct/src/wire/keeper-protocol.ts'
import type { ProxyCalls } from '../../packages/viaduct/src/wire/proxy-protocol.ts'
import { type Calls, connectRpc } from '../../packages/viaduct/src/wire/rpc.ts'
import type { Platform } from '../../test/e2e/harness/start-platform.ts'

type State = Awaited<ReturnType<typeof observe>>

/** @returns What is not as it must be, now; a platform at work may need a while. */
export async function findViolations(platform: Platform): Promise<string[]> {
  const state = await observe(platform)
  return [
    ...unfinishedDeploys(state),
    ...unlikeKeeper(state),
    ...strayProcesses(state),
    ...wrongRoutes(state),
    ...leftovers(state),
  ]
}

async function observe(platform: Platform) {
  const { client, dataDir } = platform
  const layout = dataLayout(dataDir)
  const apps = await client.apps.list()
  const deploys = await Promise.all(apps.map(({ name }) => client.deploys.list(name)))
  const keeper = await askKeeper(platform)
  const stats = keeper.proxies.map(({ socket }) => ask<ProxyCalls, 'stats'>(socket, 'stats'))
  return {
    apps,
    deploys: deploys.flat(),
    keeper,
    proxies: await Promise.all(stats),
    table: parseRouteFile(await readFile(layout.routes, 'utf8'), layout.routes),
    processes: await platform.appProcesses(),
    proxyPids: await platform.proxyPids(),
    folders: await readdir(layout.instances),
    run: await readdir(layout.run),
    uploads: existsSync(layout.uploads) ? await readdir(layout.uploads) : [],
    appFolders: await readdir(layout.apps),
  }
}

/** What the keeper holds. @throws {Error} There is none. */
export function askKeeper({ dataDir }: Platform): Promise<KeeperState> {
  return ask<KeeperCalls, 'list'>(dataLayout(dataDir).keeperSocket, 'list')
}

async function ask<C extends Calls, K extends keyof C & string>(
  path: string,
  name: K,
): Promise<C[K]['result']> {
  const client = await connectRpc<C, Record<string, unknown>>({ path })
  try {
    return await client.call(name, null)
  } finally {
    client.close()
  }
}

function unfinishedDeploys({ deploys, apps }: State): string[] {
  const open = deploys.filter(({ state }) => !isFinished(state))
  const busy = apps.filter(({ deploy }) => deploy !== null)
  return [
    ...open.map(({ id, app, state }) => `Deploy ${id} of ${app} is ${state}`),
    ...busy.map(({ name, deploy }) => `${name} has ${deploy} in progress`),
  ]
}

function unlikeKeeper({ apps, keeper }: State): string[] {
  const known = apps.flatMap(({ instances }) => instances)
  const moving = known.filter(({ state }) => !['ready', 'warm'].includes(state))
  const living = keeper.processes.filter(({ exit }) => exit === null)
  const held = living.map(({ id }) => id)
  const seen = known.filter(({ exit }) => exit === null).map(({ id }) => id)
  return [
    ...moving.map(({ id, state }) => `${id} is ${state}`),
    ...without(held, seen).map((id) => `The keeper has ${id}, the engine does not`),
    ...without(seen, held).map((id) => `The engine has ${id}, the keeper does not`),
    ...keeper.processes.filter(({ exit }) => exit).map(({ id }) => `${id} is not forgotten`),
  ]
}

function strayProcesses({ keeper, processes }: State): string[] {
  const shims = new Set(keeper.processes.map(({ pid }) => pid))
  const pids = new Set(processes.map(({ pid }) => pid))
  return [
    ...processes
      .filter(({ group }) => !shims.has(group))
      .map(({ pid, command }) => `Process ${pid} belongs to nobody: ${command.join(' ')}`),
    ...[...shims].filter((pid) => !pids.has(pid)).map((pid) => `The shim ${pid} is dead`),
  ]
}

function wrongRoutes({ apps, proxies, table, proxyPids }: State): string[] {
  const routed = (name: string): RouteTable['apps'][number] | undefined =>
    table.apps.find(({ app }) => app === name)
  const wrong = apps.filter((app) => {
    const ids = (routed(app.name)?.upstreams ?? []).map(({ id }): string => id).toSorted()
    return ids.join() !== wantedUpstreams(app).join()
  })
  const names = apps.map(({ name }): string => name)
  return [
    ...wrong.map((app) => {
      const ids = routed(app.name)
        ?.upstreams.map(({ id }) => id)
        .join()
      return `${app.name} is routed to ${ids}, not ${wantedUpstreams(app).join()}`
    }),
    ...proxies
      .filter(({ generation }) => generation !== table.generation)
      .map(({ pid, generation }) => `Proxy ${pid} has ${generation}, not ${table.generation}`),
    ...table.apps
      .filter(({ app }) => !names.includes(app))
      .map(({ app }) => `${app} is routed and does not exist`),
    ...(proxyPids.length === 2 && proxies.length === 2
      ? []
      : [`There are ${proxyPids.length} proxies, the keeper names ${proxies.length}`]),
  ]
}

function wantedUpstreams({ wanted, current, instances }: AppResource): string[] {
  if (wanted === 'stopped') return []
  const ready = instances.filter(({ state, release }) => state === 'ready' && release === current)
  return ready.map(({ id }) => id).toSorted()
}

function leftovers({ keeper, folders, run, uploads, appFolders, apps }: State): string[] {
  const ids = keeper.processes.map(({ id }) => id)
  const sockets = run.filter((name) => name.endsWith('.sock')).toSorted()
  const names = apps.map(({ name }): string => name)
  return [
    ...without(folders, ids).map((id) => `run/i/${id} is left over`),
    ...without(sockets, expectedSockets(keeper)).map((name) => `run/${name} is left over`),
    ...run.filter((name) => name.endsWith('.tmp')).map((name) => `run/${name} is left over`),
    ...uploads.map((name) => `uploads/${name} is left over`),
    ...without(appFolders, names).map((name) => `apps/${name} is left over`),
  ]
}

function expectedSockets({ proxies }: KeeperState): string[] {
  const own = proxies.flatMap(({ slot, pid }) => [
    `proxy-${slot}-${pid}.sock`,
    `handback-${slot}-${pid}.sock`,
  ])
  return ['keeper.sock', 'own-ports.sock', ...own]
}

function without(all: readonly string[], some: readonly string[]): string[] {
  const taken = new Set(some)
  return all.filter((each) => !taken.has(each))
}
