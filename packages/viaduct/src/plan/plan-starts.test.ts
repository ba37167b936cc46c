import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import type { Step } from './plan.ts'
import { SimulatedApp, setup } from './simulated-app.suite.ts'

type Types = Parameters<typeof setup>[1]

function running(types: Types): SimulatedApp {
  const app = new SimulatedApp()
  app.deploy(setup(1, types))
  app.settle()
  return app
}

function started(steps: readonly Step[]): string[] {
  return steps.flatMap((step) =>
    step.type === 'start-instance' ? [`${step.slot.processType}.${step.slot.ordinal}`] : [],
  )
}

test('a type that does not overlap leaves only when all others are ready', () => {
  const types: Types = { web: { count: 1, overlap: false }, worker: { count: 1 } }
  const app = running(types)
  app.deploy(setup(2, types))
  assert.deepEqual(started(app.run()), ['worker.1'])
  assert.equal(app.find('draining').length, 0)
})

test('a type does not overlap when the old release or the new one says so', () => {
  const app = running({ web: { count: 1, overlap: false } })
  app.deploy(setup(2, { web: { count: 1, overlap: true } }))
  assert.deepEqual(started(app.run()), [])
  assert.equal(app.find('draining').length, 1)
})

test('a restart of a type that does not overlap waits for the last of the old ones', () => {
  const types: Types = { web: { count: 2, overlap: false } }
  const app = running(types)
  app.deploy(setup(1, types, 1))
  app.run()
  for (const { id } of app.find('draining')) app.become(id, 'warm')
  app.run()
  app.become(app.find('stopping')[0]!.id, 'exited')
  assert.deepEqual(started(app.run()), [])
  app.become(app.find('stopping')[0]!.id, 'exited')
  assert.deepEqual(started(app.run()), ['web.1', 'web.2'])
})

test('a hanging instance that does not overlap is replaced only when it is gone', () => {
  const app = running({ web: { count: 1, overlap: false } })
  app.become(app.instances[0]!.id, 'exited')
  app.run()
  app.now += 1_000
  app.run()
  app.neverReady(app.find('starting')[0]!.id)
  app.run()
  app.now += 60_000
  assert.deepEqual(started(app.run()), [])
  app.become(app.find('stopping')[0]!.id, 'exited')
  assert.deepEqual(started(app.run()), ['web.1'])
})

test('what a scaling keeps is restarted while the new ones start', () => {
  const app = running({ web: { count: 1, overlap: false } })
  app.deploy(setup(1, { web: { count: 2, overlap: false } }))
  assert.deepEqual(started(app.run()), ['web.2'])
  app.become(app.find('ready')[0]!.id, 'exited')
  app.run()
  app.now += 1_000
  assert.deepEqual(started(app.run()), ['web.1'])
})
