/** Variables that an app's manifest wants: set by somebody, or made. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { app, server, TestEngine } from './fixtures/test-engine.ts'

let engine: TestEngine
before(async () => {
  engine = await TestEngine.start()
})
after(() => engine[Symbol.asyncDispose]())

const limit = { timeout: 60_000 }
const code = server().replace("process.env.WORD ?? ''", 'process.env.KEY + process.env.SECRET')

async function deployWith(files: Record<string, string>) {
  const tree = { 'app.cjs': code, Procfile: 'web: node app.cjs\n', ...files }
  return engine.end(engine.engine.deploy(app, await engine.upload(tree), { commit: null }))
}

test(
  'a required variable without a value fails the deploy before the build, by name',
  limit,
  async () => {
    const wants = { STRIPE_KEY: { description: 'Of the account', required: true }, A: '1' }
    const install = ['touch must-not-run && exit 1']
    const manifest = JSON.stringify({ env: wants, install })
    const failed = await deployWith({ 'viaduct.json': manifest })
    assert.equal(failed.state, 'failed')
    assert.equal(failed.error?.code, 'config-missing')
    assert.match(failed.error?.message ?? '', /not set: STRIPE_KEY \(Of the account\)$/)
    assert.match(failed.error?.hint ?? '', /"viaduct config set STRIPE_KEY=…"/)
    assert.deepEqual(failed.error?.data, { keys: ['STRIPE_KEY'] })
    const fromHeroku = await deployWith({ 'app.json': JSON.stringify({ env: { TOKEN: {} } }) })
    assert.deepEqual(fromHeroku.error?.data, { keys: ['TOKEN'] })
  },
)

test(
  'a value in .env, or on the server, is one; a secret is made once and kept',
  limit,
  async () => {
    const appJson = JSON.stringify({
      env: { KEY: { required: true }, SECRET: { generator: 'secret' } },
      addons: ['heroku-redis'],
    })
    const inTree = await deployWith({ 'app.json': appJson, '.env': 'KEY=a' })
    assert.equal(inTree.state, 'succeeded', JSON.stringify(inTree.error))
    const first = /[0-9a-f]{64}$/.exec(await engine.ask())?.[0]
    assert.ok(first)

    const without = await deployWith({ 'app.json': appJson })
    assert.equal(without.error?.code, 'config-missing')
    await engine.end(engine.engine.setConfig(app, { KEY: 'b' }, { stage: false }))
    const again = await deployWith({ 'app.json': appJson, 'other.txt': '' })
    assert.equal(again.state, 'succeeded', JSON.stringify(again.error))
    assert.match(await engine.ask(), new RegExp(`b${first}$`))
  },
)

test('what means nothing in app.json is said in the events of the deploy', limit, async () => {
  const deploy = await deployWith({ 'app.json': '{"addons": ["heroku-redis"]}' })
  const lines: string[] = []
  const { signal } = new AbortController()
  for await (const { message } of engine.engine.events(app, deploy.id, { signal })) {
    if (message.startsWith('app.json')) lines.push(message)
  }
  assert.equal(lines.length, 1)
  assert.match(lines[0] ?? '', /^app.json line 1: "addons" means nothing here: set what/)
})
