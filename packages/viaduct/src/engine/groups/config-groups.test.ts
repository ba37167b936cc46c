/** Config that apps share, with real apps. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parseAppName, parseReleaseNumber } from '../../model/ids.ts'
import { app, server, TestEngine } from '../fixtures/test-engine.ts'

const other = parseAppName('other')
const third = parseAppName('third')

let engine: TestEngine
before(async () => {
  engine = await TestEngine.start()
  const tree = { 'app.cjs': server(), Procfile: 'web: node app.cjs\n' }
  for (const name of [app, other]) {
    const deploy = engine.engine.deploy(name, await engine.upload(tree), { commit: null })
    assert.equal((await engine.end(deploy, name)).state, 'succeeded')
  }
})
after(() => engine[Symbol.asyncDispose]())

const limit = { timeout: 60_000 }

async function change(name: string, wanted: Parameters<typeof engine.engine.changeConfigGroup>[1]) {
  const { group, results } = await engine.engine.changeConfigGroup(name, wanted)
  const states = results.map(async ({ app: of, deploy, error }) => {
    if (error) return `${of} ${error.code}`
    return deploy ? `${of} ${(await engine.end(Promise.resolve(deploy), of)).state}` : `${of} later`
  })
  return { apps: group.apps, states: await Promise.all(states) }
}

async function answers(name = app): Promise<string> {
  const route = engine.listener.table?.apps.find((one) => one.app === name)
  return (await fetch(`http://127.0.0.1:${route?.upstreams[0]?.port}/`)).text()
}

test(
  'a group is below the app’s own config; a later one is above an earlier one',
  limit,
  async () => {
    assert.deepEqual(await change('one', { changes: { WORD: 'one', A: '1' } }), {
      ...{ apps: [], states: [] },
    })
    await change('two', { changes: { WORD: 'two' } })
    assert.deepEqual(await change('one', { bind: [app, other] }), {
      apps: [app, other],
      states: ['hello succeeded', 'other succeeded'],
    })
    assert.deepEqual([await answers(), await answers(other)], ['v2 one', 'v2 one'])
    await change('two', { bind: [app] })
    assert.equal(await answers(), 'v3 two')
    await engine.succeed(engine.engine.setConfig(app, { WORD: 'own' }, { stage: false }))
    assert.equal(await answers(), 'v4 own')

    const { variables } = await engine.engine.explainConfig(app)
    const word = variables.find(({ key }) => key === 'WORD')
    assert.deepEqual(word?.layers, [
      { layer: 'group', from: 'one', value: 'one' },
      { layer: 'group', from: 'two', value: 'two' },
      { layer: 'config', from: null, value: 'own' },
    ])
    const port = variables.find(({ key }) => key === 'PORT')
    assert.deepEqual(port?.layers, [{ layer: 'platform', from: null, value: null }])
    await engine.succeed(engine.engine.setConfig(app, { WORD: null }, { stage: false }))
    assert.equal(await answers(), 'v5 two')
  },
)

test('a change makes a release of each app; a rollback has the values of then', limit, async () => {
  const { states } = await change('one', { changes: { WORD: 'changed', A: null } })
  assert.deepEqual(states, ['hello succeeded', 'other succeeded'])
  assert.deepEqual([await answers(), await answers(other)], ['v6 two', 'v3 changed'])
  const back = engine.engine.rollback(other, parseReleaseNumber('v2'))
  assert.equal((await engine.end(back, other)).state, 'succeeded')
  assert.equal(await answers(other), 'v2 one')
  const restarted = engine.engine.restart(other)
  assert.equal((await engine.end(restarted, other)).state, 'succeeded')
  assert.equal(await answers(other), 'v4 changed')
  // Nothing is to be done twice.
  const { results } = await engine.engine.changeConfigGroup('one', { bind: [other] })
  assert.deepEqual(results.find((one) => one.app === other)?.deploy, null)
})

test('a staged change waits for the next restart, also of the daemon', limit, async () => {
  const { states } = await change('two', { changes: { WORD: 'staged' }, stage: true })
  assert.deepEqual(states, ['hello later'])
  assert.equal(await answers(), 'v6 two')
  await engine.close()
  await engine.open()
  await engine.succeed(engine.engine.restart(app))
  assert.equal(await answers(), 'v7 staged')
})

test('where one app fails, the others have the change, and that one serves on', limit, async () => {
  const picky = server("if (process.env.WORD === 'bad') process.exit(1)")
  const tree = { 'app.cjs': picky, Procfile: 'web: node app.cjs\n' }
  const made = engine.engine.deploy(third, await engine.upload(tree), { commit: null })
  assert.equal((await engine.end(made, third)).state, 'succeeded')
  await change('one', { bind: [third] })
  assert.equal(await answers(third), 'v2 changed')
  const { states } = await change('one', { changes: { WORD: 'bad' } })
  assert.deepEqual(states, ['hello succeeded', 'other succeeded', 'third failed'])
  assert.deepEqual([await answers(other), await answers(third)], ['v5 bad', 'v2 changed'])
  const unbound = await change('one', { unbind: [third] })
  assert.deepEqual(unbound.apps, [app, other])
  assert.equal(await answers(third), 'v4 ')
})

test('a bind that failed changes nothing; one that a deploy overtakes is kept', limit, async () => {
  const { states } = await change('one', { bind: [third] })
  assert.deepEqual(states.at(-1), 'third failed')
  assert.deepEqual((await engine.engine.configGroup('one')).apps, [app, other])
  await change('kind', { changes: { WORD: 'kind' } })
  const [bound] = (await engine.engine.changeConfigGroup('kind', { bind: [third] })).results
  const set = await engine.engine.setConfig(third, { X: '1' }, { stage: false })
  assert.equal((await engine.end(Promise.resolve(set), third)).state, 'succeeded')
  const first = await engine.end(Promise.resolve(bound?.deploy ?? null), third)
  assert.ok(['superseded', 'succeeded'].includes(first.state), first.state)
  assert.match(await answers(third), /^v\d+ kind$/)
  assert.deepEqual((await engine.engine.configGroup('kind')).apps, [third])
})

test('what cannot be is refused, and changes nothing', limit, async () => {
  const { engine: one } = engine
  const before = JSON.stringify(await one.configGroups())
  await assert.rejects(one.changeConfigGroup('A b', { changes: { A: '1' } }), {
    code: 'bad-group-name',
  })
  await assert.rejects(one.changeConfigGroup('new', { changes: { 'A-B': '1' } }), {
    code: 'bad-config-key',
  })
  await assert.rejects(one.changeConfigGroup('new', { bind: [app] }), { code: 'group-not-found' })
  const nobody = parseAppName('nobody')
  await assert.rejects(one.changeConfigGroup('new', { changes: { A: '1' }, bind: [nobody] }), {
    code: 'app-not-found',
  })
  await assert.rejects(one.changeConfigGroup('two', {}), { code: 'bad-request' })
  await assert.rejects(one.destroyConfigGroup('two'), {
    ...{ code: 'group-bound', data: { apps: [app] } },
    hint: 'Unbind first: "viaduct config group two --unbind hello".',
  })
  assert.equal(JSON.stringify(await one.configGroups()), before)
  await change('two', { unbind: [app] })
  await one.destroyConfigGroup('two')
  await assert.rejects(one.configGroup('two'), { code: 'group-not-found' })
})
