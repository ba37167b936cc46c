/** A0.5: a release that cannot serve changes nothing, and the client is told why. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

const bad: readonly {
  readonly fixture: string
  readonly files?: Readonly<Record<string, string>>
  readonly says: readonly RegExp[]
}[] = [
  { fixture: 'never-ready', says: [/1\.5 s|1,?500 ms/, /refused/i, /I am thinking/] },
  { fixture: 'crash-on-boot', says: [/\b7\b/, /No database at db\.example:5432/] },
  { fixture: 'wrong-port', says: [/listens on .*\d{4,5}/i, /PORT/] },
  { fixture: 'wrong-address', says: [/127\.0\.0\.2/] },
  {
    fixture: 'good',
    files: { Procfile: 'web: no-such-command --here\n' },
    says: [/no-such-command/, /\b127\b/],
  },
  {
    fixture: 'npm-dependency',
    files: { 'greeting/package.json': '{ "name": "greeting", "version": "not a version" }' },
    says: [/npm/],
  },
  {
    fixture: 'npm-dependency',
    files: { 'package.json': '{ "name": "npm-dependency" }' },
    says: [/Procfile/, /scripts\.start/],
  },
  { fixture: 'good', files: { Procfile: 'worker: node server.js\n' }, says: [/web/] },
  { fixture: 'good', files: { Procfile: 'web node server.js\n' }, says: [/Procfile/, /line 1/] },
]

test('A0.5 a bad release leaves the old one serving, and the client gets the reason', async (t) => {
  await using platform = await startPlatform()
  await using good = await copyFixture('good')
  await platform.run('deploy', good.path, '--app', 'app')
  const [serving] = await platform.client.apps.instances('app')

  for (const { fixture, files, says } of bad) {
    const change = files ? ` with another ${Object.keys(files).join()}` : ''
    await t.test(`A0.5 ${fixture}${change}`, async () => {
      await using app = await copyFixture(fixture, files)
      const { code, stdout, stderr } = await platform.cli(['deploy', app.path, '--app', 'app'])
      assert.ok(code === 1 || code === 2, `Exit code ${code}`)
      for (const pattern of says) assert.match(stdout + stderr, pattern)
      assert.equal((await fetchApp(platform.url('app'))).body, 'good 1\n')
      const pids = async (): Promise<string> => {
        const instances = await platform.client.apps.instances('app')
        return instances.flatMap(({ state, pid }) => (state === 'exited' ? [] : [pid])).join()
      }
      const what = 'the old instance runs on and nothing else does'
      await until(async () => (await pids()) === String(serving?.pid), { what })
    })
  }
})
