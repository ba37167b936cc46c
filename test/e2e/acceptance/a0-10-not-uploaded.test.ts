/** A0.10: what is not the app's source stays on the client's machine. */
import assert from 'node:assert/strict'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { dataLayout } from '../../../packages/viaduct/src/model/layout.ts'
import { parseAppName } from '../../../packages/viaduct/src/model/ids.ts'
import { copyFixture } from '../harness/fixture-app.ts'
import { startPlatform } from '../harness/start-platform.ts'

test('A0.10 node_modules, .git and what .gitignore names are not uploaded', async () => {
  await using platform = await startPlatform()
  await using app = await copyFixture('good', {
    '.gitignore': '*.secret\ndist\n.env\n',
    'a.secret': 'hush',
    '.env': 'KEY=hush',
  })
  for (const folder of ['node_modules/left', '.git', 'dist', 'lib/node_modules/deep', 'lib/own']) {
    await mkdir(join(app.path, folder), { recursive: true })
    await writeFile(join(app.path, folder, 'file.txt'), 'text')
  }
  const { code, stdout, stderr } = await platform.cli(['deploy', app.path])
  assert.equal(code, 0, stdout + stderr)
  assert.match(stdout + stderr, /\.env/, 'A skipped .env is said')
  assert.match(stdout + stderr, /dist/, 'A skipped dist is said')

  const { artifacts } = dataLayout(platform.dataDir).app(parseAppName('good'))
  const files = (await readdir(artifacts, { recursive: true })).join('\n')
  assert.match(files, /server\.js/)
  assert.match(files, /lib\/own\/file\.txt/)
  for (const absent of [/node_modules/, /\.git\//, /a\.secret/, /dist\//, /\.env$/m]) {
    assert.doesNotMatch(files, absent)
  }
})
