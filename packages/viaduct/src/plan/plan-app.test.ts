import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { SimulatedApp, policy, setup } from './simulated-app.suite.ts'

function kinds(steps: readonly { type: string }[]): string[] {
  return steps.map(({ type }) => type)
}

function running(web = 2): SimulatedApp {
  const app = new SimulatedApp()
  app.deploy(setup(1, { web: { count: web } }))
  app.settle()
  return app
}

function releases(app: SimulatedApp): number[] {
  return app.route?.upstreams.map((id) => Number(/\.v(\d+)\./.exec(id)?.[1])) ?? []
}

test('a first deploy starts, waits for all, swaps once and is finished', () => {
  const app = new SimulatedApp()
  app.deploy(setup(1, { web: { count: 2 } }))
  assert.deepEqual(kinds(app.run()), ['start-instance', 'start-instance'])
  assert.deepEqual(app.run(), [])
  app.become(app.find('starting')[0]!.id, 'ready')
  assert.deepEqual(app.run(), [])
  assert.equal(app.route, null)
  app.become(app.find('starting')[0]!.id, 'ready')
  assert.deepEqual(kinds(app.run()), ['switch-routes', 'finish-deploy'])
  assert.deepEqual(releases(app), [1, 1])
})

test('a second deploy swaps when all are ready, then drains the old ones and keeps them warm', () => {
  const app = running()
  app.deploy(setup(2, { web: { count: 2 } }))
  app.run()
  for (const { id } of app.find('starting')) app.become(id, 'ready')
  assert.deepEqual(kinds(app.run()), [
    'switch-routes',
    'finish-deploy',
    'drain-instance',
    'drain-instance',
  ])
  for (const { id } of app.find('draining')) app.become(id, 'warm')
  assert.deepEqual(app.run(), [])
  assert.equal(app.wakeAt, app.now + policy.warmMs)
  app.now += policy.warmMs
  assert.deepEqual(kinds(app.run()), ['stop-instance', 'stop-instance'])
})

test('a rollback to a warm release is a swap and nothing else before it has succeeded', () => {
  const app = running()
  app.deploy(setup(2, { web: { count: 2 } }))
  app.settle()
  app.deploy(setup(1, { web: { count: 2 } }))
  assert.deepEqual(kinds(app.run()).slice(0, 2), ['switch-routes', 'finish-deploy'])
  assert.deepEqual(releases(app), [1, 1])
})

test('a rollback while the old release still drains is a swap too', () => {
  const app = running(1)
  app.deploy(setup(2, { web: { count: 1 } }))
  app.run()
  app.become(app.find('starting')[0]!.id, 'ready')
  app.run()
  assert.equal(app.find('draining').length, 1)
  app.deploy(setup(1, { web: { count: 1 } }))
  app.run()
  assert.deepEqual(releases(app), [1])
})

test('a new instance that exits fails the deploy, stops the others and leaves the routes', () => {
  const app = running()
  const before = JSON.stringify(app.route)
  app.deploy(setup(2, { web: { count: 2 } }))
  app.run()
  const [one, other] = app.find('starting')
  app.become(one!.id, 'ready')
  app.become(other!.id, 'exited')
  assert.deepEqual(kinds(app.run()), ['fail-deploy', 'stop-instance', 'forget-instance'])
  app.settle()
  assert.equal(JSON.stringify(app.route), before)
  assert.equal(app.instances.length, 2)
})

test('an instance that is never ready fails the deploy', () => {
  const app = running()
  app.deploy(setup(2, { web: { count: 1 } }))
  app.run()
  app.neverReady(app.find('starting')[0]!.id)
  assert.deepEqual(kinds(app.run()), ['fail-deploy', 'stop-instance'])
})

test('workers start when every web instance is ready, and their old ones are stopped, not warm', () => {
  const app = new SimulatedApp()
  app.deploy(setup(1, { web: { count: 1 }, worker: { count: 1 } }))
  app.settle()
  app.deploy(setup(2, { web: { count: 1 }, worker: { count: 1 } }))
  assert.deepEqual(kinds(app.run()), ['start-instance'])
  app.become(app.find('starting')[0]!.id, 'ready')
  assert.deepEqual(kinds(app.run()), ['start-instance'])
  assert.equal(app.find('starting')[0]!.processType, 'worker')
  app.become(app.find('starting')[0]!.id, 'ready')
  assert.deepEqual(kinds(app.run()), [
    'switch-routes',
    'finish-deploy',
    'drain-instance',
    'stop-instance',
  ])
})

test('a type that does not overlap leaves first, and comes back when the new one fails', () => {
  const app = new SimulatedApp()
  app.deploy(setup(1, { web: { count: 1, overlap: false } }))
  app.settle()
  app.deploy(setup(2, { web: { count: 1, overlap: false } }))
  assert.deepEqual(kinds(app.run()), ['switch-routes', 'drain-instance'])
  assert.deepEqual(app.route?.upstreams, [])
  assert.equal(app.route?.whenEmpty, 'hold')
  app.become(app.find('draining')[0]!.id, 'warm')
  assert.deepEqual(kinds(app.run()), ['stop-instance'])
  app.become(app.find('stopping')[0]!.id, 'exited')
  assert.deepEqual(kinds(app.run()), ['start-instance', 'forget-instance'])
  app.become(app.find('starting')[0]!.id, 'exited')
  assert.deepEqual(kinds(app.run()), ['fail-deploy', 'start-instance', 'forget-instance'])
  app.settle()
  assert.deepEqual(releases(app), [1])
})

test('scaling down swaps at once, then drains and stops the highest ordinals', () => {
  const app = running(3)
  app.deploy(setup(1, { web: { count: 1 } }))
  assert.deepEqual(kinds(app.run()), [
    'switch-routes',
    'finish-deploy',
    'drain-instance',
    'drain-instance',
  ])
  app.settle()
  assert.deepEqual(
    app.instances.map(({ ordinal, state }) => [ordinal, state]),
    [[1, 'ready']],
  )
})

test('scaled to zero, stopped and crash-looping each say so in the route', () => {
  const app = running(1)
  app.deploy(setup(1, { web: { count: 0 } }))
  app.settle()
  assert.equal(app.route?.whenEmpty, 'scaled-to-zero')
  app.deploy(null)
  app.settle()
  assert.equal(app.route?.whenEmpty, 'stopped')
  assert.deepEqual(app.instances, [])
  app.deploy(setup(1, { web: { count: 1 } }, 1))
  app.settle()
  for (let crash = 0; crash < 10; crash++) {
    app.become(app.find('ready')[0]!.id, 'exited')
    app.settle()
  }
  assert.equal(app.route?.whenEmpty, 'crash-looping')
  assert.equal(app.wakeAt, null)
  app.deploy(setup(1, { web: { count: 1 } }, 2))
  app.settle()
  assert.equal(app.route?.upstreams.length, 1)
})

test('a restart brings every instance anew beside the old ones, which are not kept warm', () => {
  const app = running(2)
  app.deploy(setup(1, { web: { count: 2 } }, 1))
  app.settle()
  assert.deepEqual(
    app.instances.map(({ epoch, state }) => [epoch, state]),
    [
      [1, 'ready'],
      [1, 'ready'],
    ],
  )
})

test('a crashed instance leaves the routes at once and is started after its backoff', () => {
  const app = running(2)
  app.become(app.instances[0]!.id, 'exited', 'signal')
  assert.deepEqual(kinds(app.run()), ['switch-routes', 'forget-instance'])
  assert.equal(app.wakeAt, app.now + 1000)
  app.now += 1000
  assert.deepEqual(kinds(app.run()), ['start-instance'])
})

test('when memory is short nothing stays warm', () => {
  const app = running(1)
  app.deploy(setup(2, { web: { count: 1 } }))
  app.settle()
  assert.equal(app.find('warm').length, 1)
  app.memoryShort = true
  assert.deepEqual(kinds(app.run()), ['stop-instance'])
})

test('only the release that was drained last stays warm', () => {
  const app = running(1)
  for (const release of [2, 3]) {
    app.deploy(setup(release, { web: { count: 1 } }))
    app.settle()
    app.now += 1000
  }
  assert.deepEqual(
    app.find('warm').map(({ release }) => release),
    [2],
  )
})

test('a newer deploy takes over: what the older one started is stopped, not orphaned', () => {
  const app = running(1)
  app.deploy(setup(2, { web: { count: 2 } }))
  app.run()
  app.become(app.find('starting')[0]!.id, 'ready')
  app.deploy(setup(3, { web: { count: 1 } }))
  app.settle()
  assert.deepEqual(releases(app), [3])
  assert.deepEqual(
    app.instances.map(({ release }) => release),
    [1, 3],
  )
})

test('a daemon that died between the swap and its record carries on with the new release', () => {
  const app = running(1)
  app.deploy(setup(2, { web: { count: 2 } }))
  app.run()
  for (const { id } of app.find('starting')) app.become(id, 'ready')
  app.run(1)
  app.become(app.find('ready').at(-1)!.id, 'exited')
  app.settle()
  assert.deepEqual(releases(app), [2, 2])
  assert.equal(app.finished.at(-1)?.result, 'succeeded')
})
