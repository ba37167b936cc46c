/** The engine's face to the API: checks what is asked and hands it to the app's runner in turn. */
import { rm } from 'node:fs/promises'
import type { AppName } from '../model/ids.ts'
import type { Deploy } from '../model/release.ts'
import type { Upload } from '../model/upload.ts'
import type { AppRunner } from './app/app-runner.ts'
import type { EngineParts } from './app/engine-parts.ts'
import type { Apps } from './apps.ts'
import type { Engine, RequestOptions } from './engine.ts'
import { changeGroup, destroyGroup, viewGroup, viewGroups } from './groups/change-group.ts'
import { publicDeploy, type StoredDeploy } from './records/stored-deploy.ts'
import { cancel, findDeploy } from './requests/cancel.ts'
import { deployKey } from './requests/deploy-key.ts'
import { deployUpload, redeploy } from './requests/deploy-code.ts'
import { findKnown } from './requests/known-request.ts'
import { restart, start, stop } from './requests/power.ts'
import { rollback } from './requests/rollback.ts'
import { scale } from './requests/scale.ts'
import { checkChanges, setConfig } from './requests/set-config.ts'
import {
  changeHttp,
  changeRoutes,
  replaceHttp,
  replaceRoutes,
  setMaintenance,
} from './requests/set-edge.ts'
import { createApp, replaceManifest } from './requests/set-manifest.ts'
import { setPort } from './requests/set-port.ts'
import { ProcessStatsSampler } from './stats/read-process-stats.ts'
import { viewApp } from './views/app-view.ts'
import { explainConfig } from './views/explain-config.ts'
import { type EdgeView, viewEdge } from './views/edge-view.ts'
import { followEvents } from './views/follow-events.ts'
import { platformStats } from './views/platform-stats.ts'

export function makeEngine({
  parts,
  apps,
  close,
}: {
  parts: EngineParts
  apps: Apps
  close: () => Promise<void>
}): Engine {
  const sampler = new ProcessStatsSampler()
  const find = async (name: AppName): Promise<AppRunner> => apps.find(name)
  const ask = async (
    name: AppName,
    task: (runner: AppRunner) => Promise<StoredDeploy>,
    { request }: RequestOptions = {},
  ): Promise<Deploy> => {
    const runner = await find(name)
    return publicDeploy(await runner.ask(() => findKnown(runner, request) ?? task(runner)))
  }
  return {
    apps: async () => [...apps.runners.values()].filter(({ leaving }) => !leaving).map(viewApp),
    app: async (name) => viewApp(await find(name)),
    releases: async (name) => (await find(name)).records.releases(),
    deploys: async (name) => (await find(name)).records.deploys().map(publicDeploy),
    deployOf: async (name, id) => publicDeploy(findDeploy(await find(name), id)),
    events: (name, id, options) => followEvents(apps.find(name), id, options),
    deploy: async (name, upload, options) => {
      const runner = await apps.findOrCreate(parts, name)
      return publicDeploy(await runner.ask(() => deployOnce(runner, upload, options)))
    },
    create: async (name, options) => {
      const { runner, deploy } = await createApp(apps, parts, { name, ...options })
      return { app: viewApp(runner), deploy: deploy && publicDeploy(deploy) }
    },
    setManifest: async (name, manifest, options) => {
      const runner = await find(name)
      const deploy = await runner.ask(() => replaceManifest(runner, manifest, options))
      return deploy && publicDeploy(deploy)
    },
    redeploy: (name, { request } = {}) =>
      ask(name, (runner) => redeploy(runner, { request }), { request }),
    deployKey: async (name) => deployKey(await find(name)),
    rollback: (name, release, { request } = {}) =>
      ask(name, (runner) => rollback(runner, release, request), { request }),
    setConfig: async (name, changes, options) => {
      checkChanges(changes)
      const runner = await (options.stage ? apps.findOrCreate(parts, name) : find(name))
      const deploy = await runner.ask(() => setConfig(runner, changes, options))
      return deploy && publicDeploy(deploy)
    },
    explainConfig: async (name) => explainConfig(await find(name)),
    configGroups: async () => viewGroups(apps, parts.groups),
    configGroup: async (name) => viewGroup(apps, parts.groups.get(name)),
    changeConfigGroup: (name, change) => changeGroup({ apps, book: parts.groups }, name, change),
    destroyConfigGroup: (name) => destroyGroup({ apps, book: parts.groups }, name),
    scale: (name, counts) => ask(name, (runner) => scale(runner, counts)),
    restart: (name, { request } = {}) => ask(name, (one) => restart(one, request), { request }),
    stop: (name, { request } = {}) => ask(name, (one) => stop(one, request), { request }),
    start: (name, { request } = {}) => ask(name, (one) => start(one, request), { request }),
    cancel: (name, id) => ask(name, (runner) => cancel(runner, id)),
    destroy: (name) => apps.destroy(name),
    ...edgeMethods(find),
    stats: () => platformStats(parts, apps.runners.values(), sampler),
    [Symbol.asyncDispose]: close,
  }
}

/** What stands before the instances. */
function edgeMethods(find: (name: AppName) => Promise<AppRunner>) {
  const change = async (
    name: AppName,
    task: (runner: AppRunner) => Promise<void>,
  ): Promise<EdgeView> => {
    const runner = await find(name)
    await runner.ask(() => task(runner))
    return viewEdge(runner)
  }
  return {
    edge: async (name) => viewEdge(await find(name)),
    changeRoutes: (name, wanted) => change(name, (runner) => changeRoutes(runner, wanted)),
    replaceRoutes: (name, routes) => change(name, (runner) => replaceRoutes(runner, routes)),
    changeHttp: (name, changes) => change(name, (runner) => changeHttp(runner, changes)),
    replaceHttp: (name, options) => change(name, (runner) => replaceHttp(runner, options)),
    setPort: async (name, port) => {
      const runner = await find(name)
      const deploy = await runner.ask(() => setPort(runner, port))
      return deploy && publicDeploy(deploy)
    },
    setMaintenance: (name, wanted) => change(name, (runner) => setMaintenance(runner, wanted)),
  } satisfies Partial<Engine>
}

/** An upload that came again is not wanted. */
async function deployOnce(
  runner: AppRunner,
  upload: Upload,
  options: RequestOptions & { commit: string | null },
): Promise<StoredDeploy> {
  const known = findKnown(runner, options.request)
  if (known === null) return deployUpload(runner, upload, options)
  await rm(upload.path, { force: true })
  return known
}
