import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { HttpOptions } from '../../model/routing/http-options.ts'
import type { AppRoute } from '../../model/routing/route.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { descriptors } from '../accept/descriptors.ts'
import type { UpstreamConnection } from '../serve/upstream-connection.ts'
import { App } from './app.ts'
import { Upstream } from './upstream.ts'

/** Numbers from a seed: the same run each time. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => {
    state = (state * 1_103_515_245 + 12_345) % 2 ** 31
    return state / 2 ** 31
  }
}

function makeApp(http: HttpOptions, comesAt: readonly number[]): App {
  const [route] = routeTable(1, [{ ports: comesAt.map((_, index) => index + 1), http }]).apps
  const app = new App(route as AppRoute)
  const upstreams = app.route.upstreams.map((address, i) => new Upstream(address, comesAt[i] ?? 0))
  app.take(app.route, upstreams)
  return app
}

/** How often each instance is taken of 10,000 picks. */
function counts(app: App, now: number): number[] {
  const random = randomFrom(7)
  const seen = app.upstreams.map(() => 0)
  for (let i = 0; i < 10_000; i++) {
    const picked = app.pick(null, random, now)
    if (picked) seen[app.upstreams.indexOf(picked)]!++
  }
  return seen
}

test('a new instance gets a tenth of its share at first, half after half the time, then all', () => {
  const app = makeApp({ slowStartMs: 1_000 }, [-10_000, 0])
  const shareAt = (now: number): number => (counts(app, now)[1] ?? 0) / 5_000
  assert.ok(Math.abs(shareAt(0) - 0.1) < 0.05, String(shareAt(0)))
  assert.ok(Math.abs(shareAt(500) - 0.5) < 0.1, String(shareAt(500)))
  assert.ok(Math.abs(shareAt(1_000) - 1) < 0.1, String(shareAt(1_000)))
})

test('instances that are all new share all requests', () => {
  const [one = 0, other = 0] = counts(makeApp({ slowStartMs: 1_000 }, [0, 0]), 0)
  assert.equal(one + other, 10_000)
  assert.ok(Math.abs(one - other) < 500)
})

test('each ejection is twice as long, up to a minute; one that was good starts over', () => {
  const app = makeApp({ ejectAfterFailures: 3, ejectForMs: 10_000 }, [0, 0])
  const bad = app.upstreams[0] as Upstream
  const ejectedFor = (now: number): number => {
    for (let i = 0; i < 3; i++) app.failed(bad, now)
    return bad.ejectedUntilMs - now
  }
  assert.equal(ejectedFor(100_000), 10_000)
  assert.deepEqual(counts(app, 109_999), [0, 10_000])
  assert.ok((counts(app, 110_000)[0] ?? 0) > 4_000)
  assert.equal(ejectedFor(111_000), 20_000)
  assert.equal(ejectedFor(132_000), 40_000)
  assert.equal(ejectedFor(173_000), 60_000)
  assert.equal(ejectedFor(250_000), 10_000)
})

test('a success in between is not in a row, and when all are ejected one of them gets it', () => {
  const app = makeApp({ ejectAfterFailures: 2 }, [0, 0])
  const [one, other] = app.upstreams as [Upstream, Upstream]
  app.failed(one, 1)
  one.succeed()
  app.failed(one, 2)
  assert.equal(one.isEjected(3), false)
  for (const upstream of [one, one, other, other]) app.failed(upstream, 4)
  assert.equal(one.isEjected(5) && other.isEjected(5), true)
  assert.notEqual(app.pick(null, Math.random, 5), null)
})

test('ejection is off with 0, and with limits reached nobody is picked', () => {
  const never = makeApp({ ejectAfterFailures: 0 }, [0, 0])
  for (let i = 0; i < 100; i++) never.failed(never.upstreams[0] as Upstream, i)
  assert.equal(never.upstreams[0]?.isEjected(50), false)
  const app = makeApp({ instanceRequestsMax: 1 }, [0, 0])
  for (const upstream of app.upstreams) upstream.claim({ claimAt: -1, cut: () => undefined })
  assert.equal(app.isFull, true)
  assert.equal(app.pick(null, Math.random, 0), null)
})

test('an instance that is ejected stays so when the routes change', () => {
  const app = makeApp({ ejectAfterFailures: 1, ejectForMs: 1_000 }, [0, 0])
  app.failed(app.upstreams[0] as Upstream, 10)
  assert.deepEqual(counts(app, 20), [0, 10_000])
  app.take(app.route, app.upstreams)
  assert.deepEqual(counts(app, 20), [0, 10_000])
})

test('of two instances the one with less in flight is taken', () => {
  const app = makeApp({}, [0, 0])
  app.upstreams[0]?.claim({ claimAt: -1, cut: () => undefined })
  assert.deepEqual(counts(app, 0), [0, 10_000])
})

test('other options count from the next request on', () => {
  const app = makeApp({}, [0])
  app.upstreams[0]?.claim({ claimAt: -1, cut: () => undefined })
  assert.equal(app.isFull, false)
  app.take({ ...app.route, http: { instanceRequestsMax: 1 } }, app.upstreams)
  assert.equal(app.isFull, true)
  app.take({ ...app.route, http: {} }, app.upstreams)
  assert.equal(app.isFull, false)
})

test('each request that ends lets one in that waits, and no more', () => {
  const app = makeApp({ instanceRequestsMax: 1 }, [0])
  const request = { claimAt: -1, cut: () => undefined }
  app.upstreams[0]?.claim(request)
  const placed: string[] = []
  for (const name of ['first', 'second']) app.held.add({ place: () => placed.push(name) })
  app.upstreams[0]?.release(request)
  assert.deepEqual(placed, ['first'])
})

test('without descriptors only connections that are there are used, and the rest waits', async (t) => {
  const app = makeApp({}, [0])
  const limit = descriptors.limit
  await descriptors.watch(1)
  t.after(() => descriptors.watch(limit))
  assert.ok(descriptors.isOut)
  assert.equal(app.isFull, true)
  assert.equal(app.pick(null, Math.random, 0), null)
  const [upstream] = app.upstreams
  upstream?.keepIdle({ destroy: () => undefined } as UpstreamConnection)
  assert.equal(app.pick(null, Math.random, 0), upstream)
})
