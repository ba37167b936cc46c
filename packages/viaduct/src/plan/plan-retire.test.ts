import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { ReleaseNumber } from '../model/ids.ts'
import { afterSuccess } from './plan-app.ts'
import type { Step } from './plan.ts'
import { SimulatedApp, setup } from './simulated-app.suite.ts'

function running(types: Parameters<typeof setup>[1] = { web: { count: 1 } }): SimulatedApp {
  const app = new SimulatedApp()
  app.deploy(setup(1, types))
  app.settle()
  return app
}

function releasesIn(app: SimulatedApp, state: Parameters<SimulatedApp['find']>[0]): number[] {
  return app.find(state).map(({ release }) => release)
}

function kinds(steps: readonly Step[]): string[] {
  return steps.map(({ type }) => type)
}

test('a release that has served and fails when it comes back is stopped, not kept warm', () => {
  const app = running()
  app.deploy(setup(2, { web: { count: 1 } }))
  app.settle()
  app.deploy(setup(1, { web: { count: 2 } }, 1))
  app.run()
  const [one, other] = app.find('starting')
  app.become(one!.id, 'ready')
  app.become(other!.id, 'exited')
  const steps = app.run()
  assert.equal(steps[0]!.reason, 'A new instance exited')
  assert.ok(steps.some((step) => step.type === 'stop-instance' && step.instance === one!.id))
})

test('what a cancelled deploy started takes no place among the warm', () => {
  const app = running()
  app.deploy(setup(2, { web: { count: 1 } }))
  app.settle()
  app.deploy(setup(3, { web: { count: 2 } }))
  app.run()
  app.become(app.find('starting')[0]!.id, 'ready')
  app.cancel()
  app.settle()
  assert.deepEqual(releasesIn(app, 'warm'), [1])
})

test('a release that still drains is newer than a warm one, and of two the higher number', () => {
  const app = running()
  for (const release of [2, 3]) {
    app.deploy(setup(release, { web: { count: 1 } }))
    app.run()
    app.become(app.find('starting')[0]!.id, 'ready')
    app.run()
  }
  assert.deepEqual(releasesIn(app, 'draining'), [1, 2])
  app.become(app.find('draining')[0]!.id, 'warm')
  assert.deepEqual(kinds(app.run()), ['stop-instance'])
  assert.deepEqual(releasesIn(app, 'stopping'), [1])
  app.become(app.find('draining')[0]!.id, 'warm')
  assert.deepEqual(kinds(app.run()), [])
  app.deploy(setup(4, { web: { count: 1 } }))
  app.run()
  app.become(app.find('starting')[0]!.id, 'ready')
  app.run()
  assert.deepEqual(releasesIn(app, 'draining'), [3])
  assert.ok(releasesIn(app, 'stopping').includes(2))
})

test('of two releases that were drained at the same time the newer one stays warm', () => {
  const app = running()
  for (const release of [2, 3]) {
    app.deploy(setup(release, { web: { count: 1 } }))
    app.run()
    app.become(app.find('starting')[0]!.id, 'ready')
    app.run()
  }
  for (const { id } of app.find('draining')) app.become(id, 'warm')
  app.run()
  assert.deepEqual(releasesIn(app, 'warm'), [2])
})

test('a rollback to a release that is being stopped starts it anew at once', () => {
  const app = running()
  app.deploy(setup(2, { web: { count: 1 } }))
  app.settle()
  app.memoryShort = true
  app.run()
  assert.deepEqual(releasesIn(app, 'stopping'), [1])
  app.deploy(setup(1, { web: { count: 1 } }))
  assert.deepEqual(kinds(app.run()), ['start-instance'])
})

test('an instance that serves no more since it hangs is stopped and replaced meanwhile', () => {
  const app = running()
  app.become(app.instances[0]!.id, 'exited')
  app.run()
  app.now += 1_000
  app.run()
  app.neverReady(app.find('starting')[0]!.id)
  assert.deepEqual(kinds(app.run()), ['stop-instance'])
  app.now += 60_000
  assert.deepEqual(kinds(app.run()), ['start-instance'])
})

test('every release that has served stays known as such', () => {
  const app = running()
  app.deploy(setup(2, { web: { count: 1 } }))
  const { served } = afterSuccess({ ...app.desired, served: new Set([9 as ReleaseNumber]) })
  assert.deepEqual([...served], [9, 1, 2])
})

test('why a deploy failed is told: it exited, or it was not ready in time', () => {
  const app = running()
  app.deploy(setup(2, { web: { count: 1 } }))
  app.run()
  app.neverReady(app.find('starting')[0]!.id)
  assert.equal(app.run()[0]!.reason, 'A new instance did not get ready in time')
})
