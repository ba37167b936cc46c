import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import { SimulatedApp, setup } from './simulated-app.suite.ts'

function running(types: Parameters<typeof setup>[1]): SimulatedApp {
  const app = new SimulatedApp()
  app.deploy(setup(1, types))
  app.settle()
  return app
}

test('requests to a stopped app are held as soon as a deploy brings instances', () => {
  const app = running({ web: { count: 1 } })
  app.deploy(null)
  app.settle()
  assert.equal(app.route?.whenEmpty, 'stopped')
  app.deploy(setup(1, { web: { count: 1 } }, 1))
  app.run()
  assert.equal(app.route?.whenEmpty, 'hold')
})

test('one slot that crash-loops is no reason to give up while another one comes back', () => {
  const app = running({ web: { count: 2 } })
  const crash = (ordinal: number): void => {
    app.become(app.find('ready').find((each) => each.ordinal === ordinal)!.id, 'exited')
  }
  for (let i = 0; i < 10; i++) {
    crash(1)
    app.settle()
  }
  crash(2)
  app.run()
  assert.deepEqual([app.route?.upstreams, app.route?.whenEmpty], [[], 'hold'])
})

test('crash-looping is said also when no instance was ever ready in between', () => {
  const app = running({ web: { count: 1 } })
  app.become(app.instances[0]!.id, 'exited')
  for (let i = 0; i < 9; i++) {
    app.run()
    assert.equal(app.route?.whenEmpty, 'hold')
    app.now = app.wakeAt!
    app.run()
    app.become(app.find('starting')[0]!.id, 'exited')
  }
  app.run()
  assert.equal(app.route?.whenEmpty, 'crash-looping')
})

test('an app with workers alone is scaled to zero for requests', () => {
  const app = running({ web: { count: 0 }, worker: { count: 1 } })
  assert.equal(app.route?.whenEmpty, 'scaled-to-zero')
})

test('the route names the new release also when nothing of it runs', () => {
  const app = running({ web: { count: 0 } })
  app.deploy(setup(2, { web: { count: 0 } }))
  app.settle()
  assert.equal(app.route?.release, 2)
})

test('upstreams are in order of type and ordinal, whenever they were started', () => {
  const app = running({ web: { count: 2 }, admin: { count: 2, routed: true } })
  app.become(app.find('ready').find((each) => each.ordinal === 1)!.id, 'exited')
  app.settle()
  const slots = app.route?.upstreams.map((id) => id.split('.').slice(2, 4).join('.'))
  assert.deepEqual(slots, ['admin.1', 'admin.2', 'web.1', 'web.2'])
})
