/** Metrics of what runs: apps and their instances. Pure. */
import type { AppView, InstanceStats, PlatformStats } from '../../engine/engine.ts'
import type { Instance } from '../../model/instance.ts'
import { renderRelease } from '../../model/ids.ts'
import { renderFamily, type Sample } from './metric-text.ts'
import { newestOf } from './proxy-metrics.ts'

export function renderAppMetrics(apps: readonly AppView[], stats: PlatformStats): string {
  return [
    renderFamily(
      {
        name: 'viaduct_app_info',
        type: 'gauge',
        help: 'Always 1: the status of an app, and the release that serves',
      },
      apps.map(({ app, status, current }) => {
        const release = current === null ? '' : renderRelease(current.number)
        return { labels: { app: app.name, status, release }, value: 1 }
      }),
    ),
    renderFamily(
      { name: 'viaduct_app_wanted_instances', type: 'gauge', help: 'Instances that users want' },
      apps.flatMap(countWanted),
    ),
    renderFamily(
      {
        name: 'viaduct_app_ready_instances',
        type: 'gauge',
        help: 'Instances of the release that serves which are ready',
      },
      apps.flatMap(countReady),
    ),
    renderFamily(
      {
        name: 'viaduct_instance_crashes_total',
        type: 'counter',
        help: 'Instances that ended and were not stopped, since the daemon was started',
      },
      stats.apps.flatMap(({ app, crashes }) =>
        Object.entries(crashes).map(([process_type, value]) => ({
          labels: { app, process_type },
          value,
        })),
      ),
    ),
    renderFamily(
      {
        name: 'viaduct_deploys_total',
        type: 'counter',
        help: 'Deploys, rollbacks and other changes that ended, since the daemon was started',
      },
      stats.apps.flatMap(({ app, deploys }) =>
        Object.entries({ succeeded: 0, failed: 0, ...deploys }).map(([result, value]) => ({
          labels: { app, result },
          value,
        })),
      ),
    ),
    renderInstances(apps, stats),
  ].join('')
}

function countWanted({ app, status, formation }: AppView): Sample[] {
  return Object.entries(formation).map(([process_type, count]) => {
    return { labels: { app: app.name, process_type }, value: status === 'stopped' ? 0 : count }
  })
}

function countReady({ app, formation, current, instances }: AppView): Sample[] {
  return Object.keys(formation).map((process_type) => {
    const ready = instances.filter((each) => {
      const isOurs = each.release === current?.number && each.processType === process_type
      return isOurs && each.state === 'ready'
    })
    return { labels: { app: app.name, process_type }, value: ready.length }
  })
}

const instanceFamilies = [
  {
    name: 'viaduct_instance_cpu_seconds_total',
    type: 'counter',
    help: 'CPU time of all processes of an instance, as far as it was seen',
    of: ({ cpuSeconds }: InstanceStats) => cpuSeconds,
  },
  {
    name: 'viaduct_instance_memory_bytes',
    type: 'gauge',
    help: 'Memory of all processes of an instance: proportional where it can be read',
    of: ({ memoryBytes }: InstanceStats) => memoryBytes,
  },
  {
    name: 'viaduct_instance_processes',
    type: 'gauge',
    help: 'Living processes of an instance',
    of: ({ processes }: InstanceStats) => processes,
  },
  {
    name: 'viaduct_instance_requests_in_flight',
    type: 'gauge',
    help: 'Requests and tunnels that an instance has now, over all proxies',
    of: ({ inFlight }: InstanceStats) => inFlight,
  },
] as const

function renderInstances(apps: readonly AppView[], stats: PlatformStats): string {
  const byId = new Map<string, InstanceStats>(stats.instances.map((each) => [each.id, each]))
  const known = apps.flatMap(({ instances }) =>
    instances.flatMap((instance) => {
      const found = byId.get(instance.id)
      return found ? [{ labels: labelsOf(instance), found }] : []
    }),
  )
  const families = instanceFamilies.map(({ of, ...family }) =>
    renderFamily(
      family,
      known.map(({ labels, found }) => ({ labels, value: of(found) })),
    ),
  )
  const requests = newestOf(stats.proxies).flatMap(({ slot, upstreams }) =>
    known.flatMap(({ labels, found }): Sample[] => {
      const counters = upstreams[found.id as Instance['id']]
      return counters ? [{ labels: { ...labels, worker: slot }, value: counters.requests }] : []
    }),
  )
  return [
    ...families,
    renderFamily(
      {
        name: 'viaduct_instance_requests_total',
        type: 'counter',
        help: 'Requests and tunnels that an instance was given by a proxy',
      },
      requests,
    ),
  ].join('')
}

/** `instance` alone is Prometheus' own name for what it scrapes. */
function labelsOf({ app, id, release, processType, ordinal }: Instance): Sample['labels'] {
  const name = `${processType}.${ordinal}`
  return { app, release: renderRelease(release), process: name, instance_id: id }
}
