/** `preflight:` and `release:` of the Procfile: once for each deploy of code, never as instances. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { until } from '../keeper/fixtures/test-keeper.ts'
import { TestEngine, app, server } from './fixtures/test-engine.ts'

const test1 = await TestEngine.start()
after(() => test1[Symbol.asyncDispose]())
const { engine } = test1
const note = 'echo "$PROCESS_TYPE $RELEASE ${WORD:-none}" >> "$DATA_DIR/tasks"'
const procfile = `release: ${note}\npreflight: ${note}\nweb: node app.cjs`

async function notes(): Promise<string[]> {
  const path = join(test1.keeper.layout.app(app).data, 'tasks')
  return (await readFile(path, 'utf8')).trim().split('\n')
}

test('they run in order in the environment of the release, and have no instances', async () => {
  const manifest = { env: { WORD: 'hello' } }
  // What an instance sees when it starts is what the tasks have done.
  const code = server(`require('fs').appendFileSync(process.env.DATA_DIR + '/tasks', 'web\\n')`)
  await test1.succeed(test1.deploy(code, { procfile, manifest }))
  assert.deepEqual(await notes(), ['preflight v1 hello', 'release v1 hello', 'web'])
  const { instances, formation } = await engine.app(app)
  assert.deepEqual(
    instances.map(({ processType }) => processType),
    ['web'],
  )
  assert.deepEqual(formation, { web: 1 })
  await assert.rejects(engine.scale(app, { release: 1 }), { code: 'bad-process-type' })
})

test('only a deploy of code runs them', async () => {
  await test1.succeed(test1.deploy(server(), { procfile }))
  const before = await notes()
  assert.deepEqual(before.slice(3), ['preflight v2 none', 'release v2 none'])
  await test1.succeed(engine.setConfig(app, { WORD: 'other' }, { stage: false }))
  await test1.succeed(engine.restart(app))
  await test1.succeed(engine.scale(app, { web: 2 }))
  await test1.succeed(engine.rollback(app, null))
  assert.deepEqual(await notes(), before)
})

test('one that fails fails the deploy, the next one does not run, and what served serves', async () => {
  const serving = JSON.stringify(test1.route)
  const before = await notes()
  const failing = `preflight: echo no license; exit 7\nrelease: ${note}\nweb: node app.cjs`
  const deploy = await test1.end(test1.deploy(server(), { procfile: failing }))
  assert.equal(deploy.state, 'failed')
  assert.equal(deploy.release, null)
  assert.equal(deploy.error?.code, 'build-failed')
  assert.match(deploy.error.message, /^"echo no license; exit 7" ended with code 7$/)
  const { step, exitCode, lines } = deploy.error.data
  assert.deepEqual(
    { step, exitCode, lines },
    { step: 'preflight', exitCode: 7, lines: ['no license'] },
  )
  assert.deepEqual(await notes(), before)
  assert.equal(JSON.stringify(test1.route), serving)
})

test('one that was running when the daemon ended is not run again, and the deploy says so', async () => {
  const before = await notes()
  const slow = `preflight: ${note}\nrelease: ${note}; sleep 60\nweb: node app.cjs`
  const deploy = await test1.deploy(server('// slow'), { procfile: slow })
  await until(async () => (await notes()).length === before.length + 2, 'the task has begun')
  await test1.close()
  await test1.open()
  const ended = await test1.end(Promise.resolve(deploy))
  assert.equal(ended.state, 'failed')
  assert.match(ended.error?.message ?? '', /\(release\) was running when the platform was stopped$/)
  assert.equal((await notes()).length, before.length + 2)
})

test('a cancelled deploy ends its task', async () => {
  const before = await notes()
  const slow = `release: ${note}; sleep 60; ${note}\nweb: node app.cjs`
  const deploy = await test1.deploy(server('// cancelled'), { procfile: slow })
  await until(async () => (await notes()).length === before.length + 1, 'the task has begun')
  assert.equal((await test1.engine.cancel(app, deploy.id)).state, 'cancelled')
  const { client } = test1.keeper
  await until(async () => {
    const { processes } = await client.call('list', null)
    return processes.every(({ labels }) => labels['kind'] !== 'job')
  }, 'the end of its processes')
  assert.equal((await notes()).length, before.length + 1)
})
