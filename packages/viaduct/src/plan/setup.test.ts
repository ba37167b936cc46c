import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { InstanceState } from '../model/instance.ts'
import { canServe, fillsSlot, type ObservedInstance } from './setup.ts'

const instance = (state: InstanceState, direct: boolean): ObservedInstance => ({
  id: 'app.v1.web.1' as ObservedInstance['id'],
  release: 1 as ObservedInstance['release'],
  epoch: 0,
  processType: 'web' as ObservedInstance['processType'],
  ordinal: 1,
  routed: true,
  ...{ state, direct, failed: false, warmSince: null, exit: null },
})

const states = ['starting', 'ready', 'unready', 'draining', 'warm', 'stopping', 'exited'] as const

test('what is drained can serve again, unless it accepted on a port itself: that it has left', () => {
  const serving = (direct: boolean) => states.filter((state) => canServe(instance(state, direct)))
  assert.deepEqual(serving(false), ['ready', 'draining', 'warm'])
  assert.deepEqual(serving(true), ['ready'])
})

test('nor does it fill its slot, so that another one is started', () => {
  const filling = (direct: boolean) => states.filter((state) => fillsSlot(instance(state, direct)))
  assert.deepEqual(filling(false), ['starting', 'ready', 'unready', 'draining', 'warm'])
  assert.deepEqual(filling(true), ['starting', 'ready', 'unready'])
})
