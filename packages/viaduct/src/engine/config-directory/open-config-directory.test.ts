import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, rename, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { MemoryEngine } from '../../api/memory-engine.suite.ts'
import { until } from '../../keeper/fixtures/test-keeper.ts'
import { AppError } from '../../model/app-error.ts'
import { parseAppName } from '../../model/ids.ts'
import { openConfigDirectory } from './open-config-directory.ts'

const url = 'https://example.org/shop.git'
const shop = parseAppName('shop')
const hour = 3_600_000

/** A directory in a folder of its own; `open` begins to watch it. */
async function setUp(context: TestContext) {
  const root = await mkdtemp(join(tmpdir(), 'viaduct-apps-'))
  context.after(() => rm(root, { recursive: true }))
  const dir = join(root, 'apps.d')
  await mkdir(dir, { mode: 0o755 })
  const engine = new MemoryEngine()
  const events: string[] = []
  const note = (event: string): void => void events.push(event)
  const log = { debug: note, info: note, warn: note, error: note }
  const write = async (file: string, value: unknown): Promise<void> => {
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    await writeFile(join(root, 'new'), text, { mode: 0o644 })
    await rename(join(root, 'new'), join(dir, file))
  }
  const open = (checkMs = hour) => {
    const directory = openConfigDirectory({ dir, engine, log, checkMs })
    const states = () => directory.view().files.map(({ file, state }) => `${file} ${state}`)
    const shows = (...wanted: string[]) =>
      until(() => states().join() === wanted.join(), wanted.join())
    return Object.assign(directory, { shows })
  }
  return { root, dir, engine, events, write, open }
}

test('A new file makes an app, a changed one changes it', async (context) => {
  const { engine, write, open, events } = await setUp(context)
  await write('shop.json', { repo: { url } })
  await using directory = open()
  await directory.shows('shop.json applied')
  await write('shop.json', { repo: { url }, scale: { web: 2 } })
  await until(() => engine.calls.length === 2, 'the change')
  await write('blog.json', { name: 'news', repo: { url } })
  await directory.shows('blog.json applied', 'shop.json applied')
  assert.deepEqual(engine.calls, [
    ['create', 'shop', { repo: { url } }],
    ['setManifest', 'shop', { repo: { url }, scale: { web: 2 } }],
    ['create', 'news', { repo: { url } }],
  ])
  assert.deepEqual(events, Array(3).fill('app-file.applied'))
})

test('Files that say what the apps were told already deploy nothing', async (context) => {
  const { engine, write, open } = await setUp(context)
  const text = { repo: { url }, env: { A: 'b' }, scale: { web: 2 } }
  await write('shop.json', text)
  {
    await using before = open()
    await before.shows('shop.json applied')
  }
  await write('shop.json', `// The same\n${JSON.stringify(text, null, 2)}`)
  await using directory = open()
  await directory.shows('shop.json applied')
  assert.equal(engine.calls.length, 1)
})

test('A file with a mistake changes nothing, is shown with its place, and is taken when it is mended', async (context) => {
  const { engine, write, open, events } = await setUp(context)
  await write('shop.json', { repo: { url } })
  await using directory = open()
  await directory.shows('shop.json applied')
  await write('shop.json', '{\n  "repo": 5\n}')
  await directory.shows('shop.json refused')
  const [view] = directory.view().files
  assert.equal(view?.app, 'shop')
  assert.deepEqual(view?.error?.data, { file: 'shop.json', line: 2, field: 'repo' })
  assert.deepEqual((await engine.app(shop)).app.manifest, { repo: { url } })
  await write('shop.json', { repo: { url }, scale: { web: 2 } })
  await directory.shows('shop.json applied')
  assert.equal(engine.calls.length, 2)
  assert.deepEqual(events, ['app-file.applied', 'app-file.refused', 'app-file.applied'])
})

test('A removed file leaves its app as it is, and is shown until the app is gone', async (context) => {
  const { dir, engine, write, open, events } = await setUp(context)
  await write('shop.json', { repo: { url } })
  await using directory = open(20)
  await directory.shows('shop.json applied')
  await rm(join(dir, 'shop.json'))
  await directory.shows('shop.json removed')
  assert.equal((await engine.apps()).length, 1)
  assert.equal(engine.calls.length, 1)
  assert.deepEqual(events, ['app-file.applied', 'app-file.removed'])
  await engine.destroy(shop)
  await directory.shows()
})

test('A file may be renamed; of two that say the same app the first by name holds', async (context) => {
  const { dir, engine, write, open } = await setUp(context)
  await write('b.json', { name: 'shop', repo: { url } })
  await using directory = open()
  await directory.shows('b.json applied')
  await rename(join(dir, 'b.json'), join(dir, 'c.json'))
  await directory.shows('c.json applied')
  await write('d.json', { name: 'shop', repo: { url }, scale: { web: 9 } })
  await directory.shows('c.json applied', 'd.json refused')
  const error = directory.view().files[1]?.error
  assert.deepEqual([error?.code, error?.message], ['exists', 'd.json: c.json says "shop", too'])
  await write('c.json', '{')
  await directory.shows('c.json refused', 'd.json refused')
  assert.equal(engine.calls.length, 1)
})

test('A directory that is gone for a while means nothing for its apps', async (context) => {
  const { root, dir, engine, write, open } = await setUp(context)
  await write('shop.json', { repo: { url } })
  await using directory = open(20)
  await directory.shows('shop.json applied')
  await rename(dir, join(root, 'away'))
  await until(() => directory.view().error !== null, 'an error')
  assert.match(directory.view().error?.message ?? '', /ENOENT/)
  assert.equal(directory.view().files[0]?.state, 'applied')
  await rename(join(root, 'away'), dir)
  await until(() => directory.view().error === null, 'no error')
  assert.equal(engine.calls.length, 1)
})

test('What the kernel does not tell of is seen in time: a file behind a link', async (context) => {
  const { root, dir, engine, open } = await setUp(context)
  const target = join(root, 'shop.json')
  await writeFile(target, JSON.stringify({ repo: { url } }), { mode: 0o644 })
  await symlink(target, join(dir, 'shop.json'))
  await using directory = open(20)
  await directory.shows('shop.json applied')
  await writeFile(target, JSON.stringify({ repo: { url }, scale: { web: 2 } }))
  await until(() => engine.calls.length === 2, 'the change')
})

test('The file holds against what the API is told later', async (context) => {
  const { engine, write, open } = await setUp(context)
  await write('shop.json', { repo: { url } })
  await using directory = open(20)
  await directory.shows('shop.json applied')
  await engine.setManifest(shop, { scale: { web: 7 } })
  await until(() => engine.calls.length === 3, 'the change back')
  assert.deepEqual((await engine.app(shop)).app.manifest, { repo: { url } })
})

test('What the engine refuses is tried again, and said once', async (context) => {
  const { engine, write, open, events } = await setUp(context)
  let tries = 0
  const create = engine.create.bind(engine)
  engine.create = async (name, options) => {
    tries++
    if (tries < 4) throw new AppError('route-taken', 'shop.test is taken')
    return create(name, options)
  }
  await write('shop.json', { repo: { url } })
  await using directory = open(20)
  await directory.shows('shop.json applied')
  assert.equal(tries, 4)
  assert.deepEqual(events, ['app-file.refused', 'app-file.applied'])
})

test('An app that was told but not deployed, as on a full disk, is deployed later', async (context) => {
  const { engine, write, open } = await setUp(context)
  await write('shop.json', { repo: { url } })
  await using directory = open(20)
  await directory.shows('shop.json applied')
  const setManifest = engine.setManifest.bind(engine)
  engine.setManifest = async (name, manifest) => {
    engine.setManifest = setManifest
    await setManifest(name, manifest)
    throw new AppError('disk-full', 'The disk is full')
  }
  await write('shop.json', { repo: { url }, scale: { web: 2 } })
  await until(() => engine.calls.length === 3, 'another try')
  await directory.shows('shop.json applied')
  assert.deepEqual(engine.calls[2], engine.calls[1])
})

test('A file that says another app by now leaves the one of before, and says so', async (context) => {
  const { engine, write, open, events } = await setUp(context)
  await write('shop.json', { repo: { url } })
  await using directory = open()
  await directory.shows('shop.json applied')
  await write('shop.json', { name: 'store', repo: { url } })
  await until(() => engine.calls.length === 2, 'the other app')
  await until(() => events.length === 3, 'a word about it')
  assert.equal((await engine.apps()).length, 2)
  assert.deepEqual(events, ['app-file.applied', 'app-file.applied', 'app-file.removed'])
})

test('What everybody may write, what is no file, and what is too large is refused', async (context) => {
  const { dir, engine, write, open } = await setUp(context)
  await write('open.json', { repo: { url } })
  await chmod(join(dir, 'open.json'), 0o666)
  await mkdir(join(dir, 'folder.json'))
  execFileSync('mkfifo', [join(dir, 'pipe.json')])
  await write('large.json', `{}${' '.repeat(1024 * 1024)}`)
  await write('.shop.json', { repo: { url } })
  await write('shop.json~', { repo: { url } })
  await using directory = open(20)
  const names = ['folder.json', 'large.json', 'open.json', 'pipe.json']
  await directory.shows(...names.map((name) => `${name} refused`))
  await chmod(dir, 0o777)
  await until(() => directory.view().error !== null, 'an error')
  assert.match(directory.view().error?.message ?? '', /may be written by every user/)
  assert.equal(engine.calls.length, 0)
})
