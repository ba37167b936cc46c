/** Whole lives of an app from a seed: random deploys, crashes and deaths of the executor. */
import { strict as assert } from 'node:assert'
import { test } from 'node:test'
import fc from 'fast-check'
import { SimulatedApp, setup } from './simulated-app.suite.ts'
import type { ProcessType } from '../model/ids.ts'
import { type Setup, belongs, slotsOf } from './setup.ts'

const types = fc.record({
  web: fc.record({ count: fc.integer({ min: 0, max: 3 }), overlap: fc.boolean() }),
  worker: fc.record({ count: fc.integer({ min: 0, max: 2 }), overlap: fc.boolean() }),
})

const event = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('deploy' as const), types }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom('rollback', 'scale', 'restart', 'stop', 'cancel', 'memory', 'daemon'),
      pick: fc.nat(5),
    }),
  },
  {
    weight: 20,
    arbitrary: fc.record({
      kind: fc.constantFrom('ready', 'exit', 'drained', 'stopped', 'never', 'time'),
      pick: fc.nat(5),
    }),
  },
)
const life = fc.array(fc.record({ event, dieAfter: fc.option(fc.nat(3)) }), { maxLength: 40 })

type Life = typeof life extends fc.Arbitrary<infer T> ? T : never
type LifeEvent = Life[number]['event']

class Lived extends SimulatedApp {
  readonly setups: Setup[] = []
  #epoch = 0

  happen(one: LifeEvent): void {
    if (one.kind === 'deploy') {
      const to = setup(this.setups.length + 1, one.types)
      this.setups.push(to)
      this.deploy(to)
      return
    }
    if (!this.#ask(one.kind, one.pick)) this.#occur(one.kind, one.pick)
  }

  #ask(kind: string, pick: number): boolean {
    const { serving } = this.desired
    if (kind === 'stop' && this.setups.length > 0) this.deploy(null)
    else if (kind === 'cancel') this.cancel()
    else if (kind === 'rollback' && this.setups.length > 0) this.#rollback(pick)
    else if (kind === 'restart' && serving) this.deploy({ ...serving, epoch: ++this.#epoch })
    else if (kind === 'scale' && serving) {
      const web = { ...serving.types['web' as ProcessType]!, count: pick }
      this.deploy({ ...serving, types: { ...serving.types, ['web' as ProcessType]: web } })
    } else return false
    return true
  }

  #rollback(pick: number): void {
    const to = this.setups[pick % this.setups.length]!
    const warm = this.find('warm').find(({ release }) => release === to.release)
    this.deploy({ ...to, epoch: warm?.epoch ?? ++this.#epoch })
  }

  #occur(kind: string, pick: number): void {
    const choose = (...states: Parameters<SimulatedApp['find']>[0][]) => {
      const found = states.flatMap((state) => this.find(state)).filter(({ failed }) => !failed)
      return found[pick % Math.max(1, found.length)]
    }
    const starting = choose('starting')
    const draining = choose('draining')
    const stopping = choose('stopping')
    const alive = choose('starting', 'ready', 'draining', 'warm', 'stopping')
    if (kind === 'ready' && starting) this.become(starting.id, 'ready')
    if (kind === 'never' && starting) this.neverReady(starting.id)
    if (kind === 'drained' && draining) this.become(draining.id, 'warm')
    if (kind === 'stopped' && stopping) this.become(stopping.id, 'exited')
    if (kind === 'exit' && alive) this.become(alive.id, 'exited')
    if (kind === 'memory') this.memoryShort = !this.memoryShort
    if (kind === 'time') this.now += 10 ** pick * 10
    if (kind === 'daemon') this.recover()
  }
}

/** Where it must arrive when nothing goes wrong any more. */
function checkEnd(app: Lived): void {
  assert.equal(app.desired.deploy, null, 'every deploy ends')
  const { serving } = app.desired
  const given = app.route?.whenEmpty === 'crash-looping'
  const members = app.instances.filter((instance) => belongs(serving, instance))
  if (!given) assert.ok(members.length <= slotsOf(serving).length)
  const others = app.instances.filter((instance) => !belongs(serving, instance))
  assert.ok(others.every(({ state, routed, direct }) => state === 'warm' && routed && !direct))
  assert.ok(new Set(others.map(({ release }) => release)).size <= 1, 'one release stays warm')
  const routed = members.filter((instance) => instance.routed).map(({ id }) => id)
  assert.deepEqual(app.route?.upstreams.toSorted() ?? [], routed.toSorted())
}

test('any life of an app keeps the invariants at every step and comes to rest', () => {
  const seed = Number(process.env['VIADUCT_SEED'] ?? Math.floor(Math.random() * 2 ** 31))
  fc.assert(
    fc.property(life, fc.boolean(), (events, isDirect) => {
      const app = new Lived()
      app.isDirect = isDirect
      for (const { event: one, dieAfter } of events) {
        app.happen(one)
        app.run(dieAfter ?? Infinity)
      }
      app.settle()
      checkEnd(app)
    }),
    { seed, numRuns: Number(process.env['VIADUCT_RUNS'] ?? 1000) },
  )
})

test('an executor that dies after any step of a deploy arrives at the old release or the new', () => {
  const web = { web: { count: 2 }, worker: { count: 1 } }
  for (const overlap of [true, false]) {
    for (let dieAfter = 0; dieAfter < 40; dieAfter++) {
      const app = new SimulatedApp()
      app.deploy(setup(1, web))
      app.settle()
      app.deploy(setup(2, { ...web, web: { count: 2, overlap } }))
      let left = dieAfter
      for (let round = 0; round < 20; round++) {
        left -= Math.min(left, app.run(left).length)
        for (const { id } of app.find('starting')) app.become(id, 'ready')
        for (const { id } of app.find('draining')) app.become(id, 'warm')
        for (const { id } of app.find('stopping')) app.become(id, 'exited')
        if (left === 0) break
      }
      app.settle()
      assert.equal(app.desired.serving?.release, 2, `died after ${dieAfter} steps`)
      assert.equal(app.route?.upstreams.length, 2)
    }
  }
})

test('what accepts itself cannot come back: drained it is stopped, a rollback starts it anew', () => {
  const app = new SimulatedApp()
  app.isDirect = true
  const web = { web: { count: 1 } }
  app.deploy(setup(1, web))
  app.settle()
  app.deploy(setup(2, web))
  app.run()
  for (const { id } of app.find('starting')) app.become(id, 'ready')
  app.run()
  assert.deepEqual(
    app.find('draining').map(({ release }) => release),
    [1],
  )
  app.deploy(setup(1, web))
  app.run()
  assert.equal(app.desired.serving?.release, 2, 'the new instance is not ready')
  assert.equal(app.find('starting').length, 1)
  for (const { id } of app.find('draining')) app.become(id, 'warm')
  app.run()
  assert.equal(app.find('warm').length, 0)
  assert.equal(app.find('stopping').length, 1)
  app.settle()
  assert.equal(app.desired.serving?.release, 1)
})
