import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InstanceId } from '../../model/ids.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { Router } from './router.ts'
import { type Claimant, maxIdleOf, Upstream } from './upstream.ts'

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
