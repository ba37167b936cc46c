import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { checkTraversable, findUntraversable } from './check-traversable.ts'
import { describeMachine } from './describe-machine.ts'
import { resolveSettings } from './resolve-settings.ts'
import { parseSettings, readSettings, renderSettings } from './settings-file.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-settings-'))
await chmod(dir, 0o755)
after(() => rm(dir, { recursive: true }))

const settings = resolveSettings({ flags: { data: dir, httpPort: 0 }, env: {} })

test('what was written is read back whole', async () => {
  await mkdir(join(dir, 'run'))
  await writeFile(join(dir, 'run', 'settings.json'), renderSettings(settings))
  assert.deepEqual(await readSettings(dir), settings)
})

test('a data directory without settings has had no keeper', async () => {
  await assert.rejects(readSettings(join(dir, 'none')), { code: 'no-server' })
})

test('newer and damaged settings are refused', () => {
  const text = renderSettings(settings)
  const cases: [string, string, RegExp][] = [
    [text.replace('"schema": 1', '"schema": 2'), 'data-newer', /schema 2/],
    [text.replace('"schema": 1,', ''), 'data-damaged', /no schema number/],
    [text.slice(0, 100), 'data-damaged', /x\.json is damaged/],
    ['null', 'data-damaged', /not an object/],
    [
      text.replace('"httpPort": 0', '"httpPort": "many"'),
      'data-damaged',
      /"httpPort" is not a whole/,
    ],
    [text.replace('"proxies"', '"proxys"'), 'data-damaged', /"proxies" is not/],
  ]
  for (const [damaged, code, message] of cases) {
    assert.throws(() => parseSettings(damaged, 'x.json'), { code, message })
  }
})

test('finds the first directory on the way that others cannot enter', async () => {
  const closed = join(dir, 'closed')
  await mkdir(join(closed, 'inner'), { recursive: true })
  await chmod(closed, 0o700)
  assert.equal(findUntraversable(join(closed, 'inner', 'not', 'there')), closed)
  assert.equal(findUntraversable(join(dir, 'not', 'there')), null)
  assert.throws(() => checkTraversable(join(closed, 'inner'), 'The data directory'), {
    code: 'bad-setting',
    message: `The data directory ${join(closed, 'inner')} cannot be reached by the users of the apps`,
    hint: new RegExp(`chmod o\\+x ${closed}`),
  })
  checkTraversable(dir, 'The data directory')
})

test('data is in the clone, unless the users of the apps could not reach it there', async () => {
  const clone = join(dir, 'clone')
  await mkdir(join(clone, 'packages'), { recursive: true })
  const cwd = join(clone, 'packages')
  const home = '/home/ada'
  const describe = (options: object): string | null =>
    describeMachine({ cwd, uid: 1000, home, clone, ...options }).dataDir
  assert.equal(describe({}), join(clone, '.viaduct'))
  assert.equal(describe({ uid: 0 }), join(clone, '.viaduct'))
  assert.equal(describe({ cwd: '/' }), '/home/ada/.local/state/viaduct')
  assert.equal(describe({ cwd: `${clone}-2` }), '/home/ada/.local/state/viaduct')
  assert.equal(describe({ clone: null }), '/home/ada/.local/state/viaduct')
  assert.equal(describe({ clone: null, uid: 0 }), '/var/lib/viaduct')
  await chmod(clone, 0o700)
  assert.equal(describe({}), join(clone, '.viaduct'))
  const asRoot = describeMachine({ cwd, uid: 0, home, clone })
  assert.equal(asRoot.dataDir, '/var/lib/viaduct')
  assert.match(asRoot.dataDirNotice!, new RegExp(`/var/lib/viaduct.*cannot enter ${clone}$`))
  const notices: string[] = []
  resolveSettings({ flags: {}, env: {}, machine: asRoot, onNotice: (text) => notices.push(text) })
  resolveSettings({
    flags: { data: '/x' },
    env: {},
    machine: asRoot,
    onNotice: (text) => notices.push(text),
  })
  assert.deepEqual(notices, [asRoot.dataDirNotice])
})
