import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InstanceId } from '../../model/ids.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { Router } from './router.ts'
import type { UpstreamConnection } from '../serve/upstream-connection.ts'
import { upstreamIdleConnectionsMax } from '../../model/proxy-limits.ts'
import { type Claimant, maxIdleOf, Upstream } from './upstream.ts'
import { usePolicyOf } from './use-policy.ts'

const claimant = (): Claimant => ({ claimAt: -1, cut: () => undefined })

test('a claim that is given up twice takes no other one with it', () => {
  const upstream = new Upstream({ id: 'a' as InstanceId, host: '127.0.0.1', port: 1 }, 0)
  const [one, two] = [claimant(), claimant()]
  upstream.claim(one)
  upstream.claim(two)
  upstream.release(one)
  upstream.release(one)
  assert.deepEqual([upstream.inFlight, two.claimAt], [1, 0])
  upstream.release(two)
  assert.equal(upstream.inFlight, 0)
})

test('a connection is kept a little shorter than its instance says, and never for hours', () => {
  assert.deepEqual([5, 1, 0, 3_600].map(maxIdleOf), [4_000, 0, 0, 59_000])
  assert.ok(maxIdleOf(-1) > 0)
})

test('an instance is forgotten when it is routed no more and has nothing in flight', () => {
  const router = new Router()
  router.apply(routeTable(1, [{ ports: [1, 2] }]))
  const [stays, goes] = [...router.upstreams] as [Upstream, Upstream]
  const request = claimant()
  goes.claim(request)
  router.apply(routeTable(2, [{ ports: [1] }]))
  router.forgetDrained()
  assert.deepEqual([...router.upstreams], [stays, goes])
  goes.release(request)
  router.forgetDrained()
  assert.deepEqual([...router.upstreams], [stays])
})

interface FakeConnection {
  idleSince: number
  maxIdleMs: number
  saysTimeout: boolean
  isUsable: boolean
  isDestroyed: boolean
  destroy(): void
}

function connection(set: Partial<FakeConnection> = {}): FakeConnection & UpstreamConnection {
  const fake: FakeConnection = {
    ...{ idleSince: 0, maxIdleMs: 4_000, saysTimeout: false, isUsable: true, isDestroyed: false },
    ...set,
    destroy: () => void (fake.isDestroyed = true),
  }
  return fake as FakeConnection & UpstreamConnection
}

test('a connection is used again only while its instance surely waits for a request', () => {
  const upstream = new Upstream({ id: 'a' as InstanceId, host: '127.0.0.1', port: 1 }, 0)
  const take = (set: Partial<FakeConnection>, isIdempotent: boolean, now: number): boolean => {
    const one = connection(set)
    upstream.keepIdle(one)
    const taken = upstream.takeIdle(isIdempotent, now)
    assert.equal(one.isDestroyed, taken === null)
    return taken === one
  }
  assert.deepEqual([take({}, true, 3_999), take({}, true, 4_000)], [true, false])
  // What cannot be repeated takes no risk, unless the instance says how long it waits.
  assert.deepEqual([take({}, false, 999), take({}, false, 1_000)], [true, false])
  assert.equal(take({ saysTimeout: true }, false, 3_999), true)
  assert.equal(take({ isUsable: false }, true, 1), false)
})

test('so many connections wait for requests, and none to an instance that left the routes', () => {
  const upstream = new Upstream({ id: 'a' as InstanceId, host: '127.0.0.1', port: 1 }, 0)
  const all = Array.from({ length: upstreamIdleConnectionsMax + 1 }, () => connection())
  for (const each of all) upstream.keepIdle(each)
  assert.deepEqual(
    all.filter(({ isDestroyed }) => isDestroyed),
    [all.at(-1)],
  )
  upstream.isRouted = false
  const late = connection()
  upstream.takeIdle(true, 0)
  upstream.keepIdle(late)
  assert.ok(late.isDestroyed)
})

test('failures during an ejection make it no longer', () => {
  const upstream = new Upstream({ id: 'a' as InstanceId, host: '127.0.0.1', port: 1 }, 0)
  const policy = usePolicyOf({ ejectAfterFailures: 1, ejectForMs: 1_000 })
  assert.equal(upstream.fail(10_000, policy), true)
  assert.equal(upstream.fail(10_500, policy), false)
  assert.equal(upstream.ejectedUntilMs, 11_000)
})
