/** What an app's process really gets, from all layers. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parseReleaseNumber } from '../model/ids.ts'
import { app, server, TestEngine } from './fixtures/test-engine.ts'

let engine: TestEngine
before(async () => {
  process.env['PLANTED_SECRET'] = 'of the platform'
  engine = await TestEngine.start()
})
after(async () => {
  delete process.env['PLANTED_SECRET']
  await engine[Symbol.asyncDispose]()
})

const limit = { timeout: 60_000 }
/** Answers with its whole environment. */
const code = server().replace("process.env.WORD ?? ''", 'JSON.stringify(process.env)')

async function deployWith(files: Record<string, string>, commit: string | null = null) {
  const tree = { 'app.cjs': code, Procfile: 'web: node app.cjs\n', ...files }
  return engine.engine.deploy(app, await engine.upload(tree), { commit })
}

async function environment(): Promise<Record<string, string>> {
  return JSON.parse((await engine.ask()).replace(/^v\d+ /, '')) as Record<string, string>
}

test(
  'a key that is set everywhere has the highest value, and PORT is the platform’s',
  limit,
  async () => {
    const manifest = { env: { A: 'manifest', B: 'manifest', C: 'manifest', HOST: 'm' } }
    await engine.engine.setConfig(app, { A: 'config', HOST: 'c' }, { stage: true })
    const files = {
      'viaduct.json': JSON.stringify(manifest),
      '.env': 'A=file\nB="file of $C in ${DATA_DIR}"\nHOST=file\nURL=http://$HOST:$PORT',
    }
    await engine.succeed(deployWith(files, 'a'.repeat(40)))
    const first = await environment()
    assert.equal(first['A'], 'config')
    assert.equal(first['B'], `file of manifest in ${first['DATA_DIR']}`)
    assert.equal(first['C'], 'manifest')
    assert.equal(first['HOST'], '127.0.0.1')
    assert.equal(first['URL'], `http://127.0.0.1:${engine.route?.upstreams[0]?.port}`)
    assert.deepEqual([first['COMMIT'], first['PREV_COMMIT']], ['a'.repeat(40), ''])
    assert.ok(!('PLANTED_SECRET' in first))

    await engine.succeed(deployWith({ 'a.txt': '' }, 'b'.repeat(40)))
    const second = await environment()
    assert.deepEqual([second['B'], second['PREV_COMMIT']], [undefined, 'a'.repeat(40)])
    await engine.succeed(engine.engine.setConfig(app, { A: 'other' }, { stage: false }))
    const third = await environment()
    assert.deepEqual([third['A'], third['PREV_COMMIT']], ['other', 'a'.repeat(40)])

    await engine.succeed(engine.engine.rollback(app, parseReleaseNumber('v1')))
    const back = await environment()
    assert.deepEqual([back['A'], back['B']], ['config', first['B']])
  },
)

test('build commands see the same, but for what only an instance has', limit, async () => {
  const manifest = { env: { M: 'm' }, install: ['echo "$M $F $A $PLANTED_SECRET" > seen.txt'] }
  const files = {
    'app.cjs': server().replace('process.env.WORD', "require('fs').readFileSync('seen.txt')"),
    'viaduct.json': JSON.stringify(manifest),
    '.env': 'F=$M-$HOME',
  }
  await engine.succeed(deployWith(files))
  assert.match(await engine.ask(), /^v\d+ m m-\/.*\/cache\/home config \n$/)
})

test('what is wrong with .env fails the deploy with its line and no value', limit, async () => {
  const bad = {
    'A=$B\nB=$A': /^\.env line 1: "A" → "B" → "A" refer/,
    'A=1\nB="secret': /^\.env line 2: The " is never closed/,
    'A=1\n\0=secret': /^\.env line 2: /,
    '__proto__=secret': /^\.env line 1: The name before/,
  }
  for (const [text, message] of Object.entries(bad)) {
    const { state, error } = await engine.end(deployWith({ '.env': text }))
    assert.deepEqual([state, error?.code], ['failed', 'bad-dotenv'], text)
    assert.match(error?.message ?? '', message)
    assert.ok(!JSON.stringify(error).includes('secret'))
  }
  const huge = await engine.end(deployWith({ '.env': `A=${'x'.repeat(200_000)}` }))
  assert.match(huge.error?.message ?? '', /^\.env is larger than 131072 bytes$/)
})
