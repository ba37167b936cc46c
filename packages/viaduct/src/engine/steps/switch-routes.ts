/** The step that moves an app's requests: writes the new table and waits for every proxy's word. */
import type { App } from '../../model/release.ts'
import type { AppRoute } from '../../model/routing/route.ts'
import type { RoutePlan } from '../../plan/setup.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { edgeOf } from '../app/edge-of.ts'
import type { LiveInstance } from '../app/live-instance.ts'
import { ownAddress } from '../links/api-route.ts'
import { acceptDirectly } from './direct-port.ts'

/**
 * @param plan null takes the app out of the table.
 * @throws {AppError} `disk-full`; the proxies then serve on as before.
 */
export async function switchRoutes(runner: AppRunner, plan: RoutePlan | null): Promise<void> {
  const { parts, records, journal } = runner
  const { deploy } = records
  const startedAt = performance.now()
  // Requests may arrive before the acknowledgement does: what is routed is ready from here on.
  for (const id of plan?.upstreams ?? []) runner.instances.get(id)?.become('ready')
  await acceptDirectly(runner, plan)
  await parts.routes.set(records.name, plan && renderRoute(runner, plan))
  runner.route = plan
  if (deploy === null || deploy.release === null || plan === null) return
  runner.lastSwap = deploy.id
  const tookMs = Math.round(performance.now() - startedAt)
  const data = { tookMs, release: plan.release, upstreams: plan.upstreams }
  journal.append(deploy.id, 'routes.switched', { message: describe(plan), data })
  for (const [route, other] of parts.routes.leftOut(records.name)) {
    const left = `${route} leads to ${other}, which has it by a route of its own`
    journal.append(deploy.id, 'route.left-out', { message: left, data: { route, other } })
  }
}

function describe({ upstreams, release, whenEmpty }: RoutePlan): string {
  const count = upstreams.length
  if (count === 0) return whenEmpty === 'hold' ? 'Requests wait' : 'Requests get 503'
  const to = release === null ? '' : ` of v${release}`
  return `Requests go to ${count} ${count === 1 ? 'instance' : 'instances'}${to}`
}

/** One that got its socket from the platform listens nowhere else. */
function upstreamAddress(
  instance: LiveInstance | undefined,
  publicHost: string,
): { host: string; port: number } {
  const { direct = null, port = 0 } = instance ?? {}
  if (direct?.mode === 'listen-fds') return { host: ownAddress(publicHost), port: direct.port }
  return { host: '127.0.0.1', port }
}

/** As its instances were started for: at a swap that is what the deploy brings. */
function appOf(runner: AppRunner, { upstreams }: RoutePlan): App {
  const instance = upstreams.map((id) => runner.instances.get(id)).find((one) => one !== undefined)
  return instance ? runner.appIn(instance.slot.epoch) : runner.records.app
}

/** The route as the proxies get it. */
export function renderRoute(
  runner: AppRunner,
  plan: RoutePlan,
  app: App = appOf(runner, plan),
): AppRoute {
  const { parts, records, instances } = runner
  const { settings } = parts
  const release = records.release(plan.release) ?? records.release(app.current)
  const upstreams = plan.upstreams.map((id) => {
    return { id, ...upstreamAddress(instances.get(id), settings.host) }
  })
  return {
    app: app.name,
    release: plan.release,
    ...edgeOf({ records: { app }, parts }, release, upstreams.length),
    upstreams,
    whenEmpty: plan.whenEmpty,
    holdTimeoutMs: settings.holdTimeoutMs,
    holdMaxRequests: settings.holdMaxRequests,
  }
}
