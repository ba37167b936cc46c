/** Limits of the manifest, on real processes. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, before, test } from 'node:test'
import { until } from '../keeper/fixtures/test-keeper.ts'
import { server, app, TestEngine } from './fixtures/test-engine.ts'

let engine: TestEngine
before(async () => {
  engine = await TestEngine.start({}, { memoryLimitEveryMs: 20 })
})
after(() => engine[Symbol.asyncDispose]())

const limit = { timeout: 60_000 }
const megabyte = 2 ** 20

test(
  'an app whose instance uses more memory than its limit is restarted beside it',
  limit,
  async () => {
    // The first process of the app takes 300 MB when it is asked; later ones answer only.
    const code = server().replace(
      "s.end(process.env.RELEASE + ' '",
      "s.end((q.url === '/grow' && (global.kept = Buffer.alloc(300 * 2 ** 20, 1)), process.pid) + ' '",
    )
    const manifest = { limits: { memoryBytes: 250 * megabyte, openFiles: 512 } }
    await engine.succeed(engine.deploy(code, { manifest }))
    const first = parseInt(await engine.ask(), 10)
    const files = /^Max open files +(\d+ +\d+)/m.exec(
      await readFile(`/proc/${first}/limits`, 'utf8'),
    )
    assert.equal(files?.[1]?.replace(/ +/, ' '), '512 512')
    const deploys = async () => (await engine.engine.deploys(app)).toReversed()
    assert.equal((await deploys()).length, 1)

    const port = engine.route?.upstreams[0]?.port
    await fetch(`http://127.0.0.1:${port}/grow`)
    const restart = await until(async () => {
      const [newest] = await deploys()
      return newest?.kind === 'restart' && newest.state === 'succeeded' ? newest : null
    }, 'a restart')
    const second = parseInt(await engine.ask(), 10)
    assert.notEqual(second, first)
    const { signal } = new AbortController()
    const messages: string[] = []
    for await (const { message } of engine.engine.events(app, restart.id, { signal })) {
      messages.push(message)
    }
    assert.match(messages[0] ?? '', /^Restart: web\.1 uses [2-9]\d\d MB, its limit is 250 MB$/)
    assert.ok(engine.logs.some(({ event }) => event === 'instance.above-memory'))
  },
)

test(
  'a manifest that asks for a user fails its deploy instead of running as another',
  limit,
  async () => {
    for (const manifest of [
      { user: 'www-data' },
      { user: 'no-such-user' },
      { group: 'www-data' },
    ]) {
      const { state, error } = await engine.end(engine.deploy(server(), { manifest }))
      assert.deepEqual([state, error?.code], ['failed', 'bad-manifest'])
      assert.match(error?.message ?? '', /^"(user|group)" asks for ".*", which a tree cannot do$/)
    }
  },
)
