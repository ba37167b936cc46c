import assert from 'node:assert/strict'
import { test } from 'node:test'
import { openTestApi } from '../../api/open-test-api.suite.ts'
import type { ConfigDirectory } from '../../engine/config-directory/open-config-directory.ts'
import { AppError } from '../../model/app-error.ts'
import { parseAppName } from '../../model/ids.ts'
import { openCliHome } from '../cli.suite.ts'

const [shop, news, old] = ['shop', 'news', 'old'].map((name) => parseAppName(name))
const mistake = new AppError('bad-manifest', 'news.json line 3: "repo" is 5', {
  data: { file: 'news.json', line: 3, field: 'repo' },
})
const directory: ConfigDirectory = {
  view: () => ({
    directory: '/etc/viaduct/apps.d',
    error: null,
    files: [
      { file: 'a.json', app: shop!, state: 'applied', error: null },
      { file: 'news.json', app: news!, state: 'refused', error: mistake },
      { file: 'old.json', app: old!, state: 'removed', error: null },
    ],
  }),
  [Symbol.asyncDispose]: async () => undefined,
}

async function runApps(given: ConfigDirectory | null, words: string[] = [], only = {}) {
  await using api = await openTestApi({}, given)
  for (const name of [shop!, news!, old!]) await api.engine.create(name, { manifest: {} })
  const { secret } = await api.client.tokens.create({ name: 'one', scopes: ['read'], ...only })
  await using home = await openCliHome({ VIADUCT_URL: api.url, VIADUCT_TOKEN: secret })
  return await home.run(['apps', ...words])
}

test('"apps" names the file of each app, and says what is not as the files have it', async () => {
  const { code, stdout, stderr } = await runApps(directory)
  assert.equal(code, 0, stderr)
  assert.match(stdout, /^APP .* FILE$/m)
  assert.match(stdout, /^shop .* a\.json$/m)
  assert.match(stdout, /^news .* news\.json$/m)
  assert.doesNotMatch(stdout, /old\.json/)
  assert.equal(
    stderr,
    'In /etc/viaduct/apps.d:\n' +
      'news.json line 3: "repo" is 5\n' +
      'old.json is gone; old runs on, until "viaduct destroy old"\n',
  )
})

test('"apps --json" has the directory with the place of each mistake', async () => {
  const { stdout } = await runApps(directory, ['--json'])
  const { configDirectory } = JSON.parse(stdout)
  assert.equal(configDirectory.directory, '/etc/viaduct/apps.d')
  assert.deepEqual(configDirectory.files[1].error.data, mistake.data)
})

test('A server without a directory, and a token for some apps only, show nothing of it', async () => {
  for (const run of [await runApps(null), await runApps(directory, [], { apps: ['shop'] })]) {
    assert.equal(run.code, 0, run.stderr)
    assert.match(run.stdout, /^shop /m)
    assert.doesNotMatch(run.stdout, /FILE/)
    assert.equal(run.stderr, '')
  }
})
