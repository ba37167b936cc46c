/** Ends of the daemon and of the keeper in the middle of everything: the old release or the new one. */
import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, beforeEach, test } from 'node:test'
import { setImmediate as turn } from 'node:timers/promises'
import { until } from '../keeper/fixtures/test-keeper.ts'
import { TestEngine, app, server } from './fixtures/test-engine.ts'

const test1 = await TestEngine.start()
after(() => test1[Symbol.asyncDispose]())
let count = 0
let code = ''
beforeEach(() => (code = server(`// ${++count}`)))

async function reopen(): Promise<void> {
  await test1.close()
  await test1.open()
}

async function pids(): Promise<(number | null)[]> {
  const { instances } = await test1.engine.app(app)
  return instances.filter(({ state }) => state === 'ready').map(({ pid }) => pid)
}

test('a daemon that is back takes over what runs, and changes nothing', async () => {
  await test1.succeed(test1.deploy(code))
  await test1.succeed(test1.engine.scale(app, { web: 2 }))
  const before = await pids()
  const tables = test1.listener.tables.length
  await reopen()
  assert.deepEqual((await pids()).toSorted(), before.toSorted())
  assert.equal(test1.listener.tables.length, tables)
  assert.equal((await test1.engine.app(app)).status, 'running')
})

test('an instance that died while nobody watched is replaced', async () => {
  const [pid] = await pids()
  await test1.close()
  process.kill(pid ?? assert.fail('no pid'), 'SIGKILL')
  await test1.open()
  // Who looks at once may still see it: that it died is news to the keeper too.
  await until(async () => {
    const now = await pids()
    return now.length === 2 && !now.includes(pid ?? null)
  }, 'another instance in its place')
})

test('a deploy that was interrupted at any point ends at the old release or the new one', async () => {
  for (let turns = 1; turns <= 4096; turns *= 4) {
    const deploy = await test1.deploy(server(`// ${++count}`))
    for (let i = 0; i < turns; i++) await turn()
    await reopen()
    const ended = await test1.end(Promise.resolve(deploy))
    assert.equal(ended.state, 'succeeded', `${turns} turns: ${JSON.stringify(ended.error)}`)
    assert.deepEqual(new Set(test1.serving), new Set([ended.release]))
    assert.equal(test1.serving.length, 2)
  }
})

test('a deploy whose upload is gone fails with the reason', async () => {
  const upload = await test1.upload({ 'app.cjs': code, Procfile: 'web: node app.cjs\n' })
  await test1.engine.stop(app)
  const deploy = await test1.engine.deploy(
    app,
    { ...upload, path: `${upload.path}.gone` },
    {
      commit: null,
    },
  )
  const ended = await test1.end(Promise.resolve(deploy))
  assert.equal(ended.state, 'failed')
})

test('what an app said while no daemon was there is heard by the next one', async () => {
  const go = join(test1.keeper.dir, 'say-it')
  // It listens where only its own word can tell.
  const speaker = `require('http').createServer((q, s) => s.end('said')).listen(0, '127.0.0.1', function () {
    console.log('listens')
    const say = () => process.send({ message: 'online', port: this.address().port })
    const look = () => require('fs').existsSync(${JSON.stringify(go)}) ? say() : setTimeout(look, 10)
    look()
  })`
  await test1.succeed(test1.engine.start(app))
  const processes = async () => (await test1.keeper.client.call('list', null)).processes
  const before = new Set((await processes()).map(({ id }) => id))
  const deploy = await test1.deploy(speaker)
  const ofDeploy = async () =>
    (await processes()).filter(({ id, labels }) => !before.has(id) && labels['kind'] === 'instance')
  await until(async () => (await ofDeploy()).length === 2, 'two processes')
  await test1.close()
  await writeFile(go, '')
  await until(async () => (await ofDeploy()).every(({ said }) => said !== null), 'their words')
  await test1.open()
  await test1.succeed(Promise.resolve(deploy))
  assert.equal(await test1.ask(), 'said')
})

test('a keeper that is killed takes nothing along, and the engine finds it again', async () => {
  await test1.succeed(test1.engine.start(app))
  const before = await pids()
  await test1.keeper.down('SIGKILL')
  await test1.keeper.up()
  await test1.succeed(test1.engine.scale(app, { web: 3 }))
  const now = await pids()
  for (const pid of before) assert.ok(now.includes(pid), 'the same process')
  assert.equal(test1.serving.length, 3)
})

test('an instance that died with the keeper is noticed', async () => {
  const [pid] = await pids()
  await test1.keeper.down('SIGKILL')
  process.kill(pid ?? assert.fail('no pid'), 'SIGKILL')
  await test1.keeper.up()
  await until(async () => !(await pids()).includes(pid ?? null), 'its end')
  await until(async () => (await pids()).length === 3, 'another one')
})

test('processes that nobody knows are stopped', async () => {
  await test1.close()
  const { client } = test1.keeper
  await test1.keeper.start('ghost.v1.web.1.aaaa', 'exec sleep 60', {
    labels: {
      kind: 'instance',
      app: 'ghost',
      release: 1,
      epoch: 0,
      processType: 'web',
      ordinal: 1,
    },
  })
  await test1.open()
  const { processes } = await client.call('list', null)
  assert.ok(!processes.some(({ id }) => id.startsWith('ghost')))
})
