import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { AppError } from '../../model/app-error.ts'
import { type Npm, findNpm } from '../builders/node/find-npm.ts'
import {
  startRegistry,
  type TestPackage,
  type TestRegistry,
} from '../builders/node/fixtures/test-registry.ts'
import { removeUnusedTools, Toolbox, type ToolWish } from './toolbox.ts'

const limit = { timeout: 90_000 }
const { signal } = new AbortController()
let root = ''
let dir = ''
let npm: Npm
let count = 0
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'viaduct-toolbox-'))
  const found = await findNpm({ node: process.execPath, env: process.env, forOtherUsers: false })
  assert.ok(found, 'These tests need npm')
  npm = found
})
beforeEach(() => (dir = join(root, `${++count}`)))
after(async () => {
  execFileSync('chmod', ['-R', 'u+w', root])
  await rm(root, { recursive: true })
})

/** A tool that says its version, and whose install script must not run. */
function hammer(version: string, more: Partial<TestPackage> = {}): TestPackage {
  const facts = { bin: { hammer: 'bin/hammer' }, scripts: { postinstall: 'touch ran' } }
  const files = { 'bin/hammer': `#!/bin/sh\necho hammer ${version}\n` }
  return { name: 'hammer', version, facts, files, ...more }
}

function toolboxAt(registry: TestRegistry | string): Toolbox {
  const url = typeof registry === 'string' ? registry : registry.url
  const settings = { ...npm.settings, npm_config_registry: url }
  return new Toolbox({ dir, node: process.execPath, npm: async () => ({ ...npm, settings }) })
}

function wish(range: string): ToolWish {
  const askedBy = 'engines.hammer'
  return { name: 'hammer', title: 'Hammer', package: 'hammer', range, askedBy }
}

async function failure(promise: Promise<unknown>, code: string): Promise<AppError> {
  const error: unknown = await promise.then(
    () => assert.fail('It did not fail'),
    (thrown: unknown) => thrown,
  )
  assert.ok(error instanceof AppError, String(error))
  assert.equal(error.code, code, error.message)
  return error
}

/** All that is in the toolbox but npm's notes about registries. */
async function tools(): Promise<string[]> {
  const names = await readdir(dir)
  return names.filter((name) => name !== '.new-npm').toSorted()
}

test(
  'the newest version in the range is got once, read-only, and no script runs',
  limit,
  async () => {
    await using registry = await startRegistry(
      ['20.9.0', '20.10.0', '21.0.0', '20.11.0-rc.1'].map((version) => hammer(version)),
    )
    const toolbox = toolboxAt(registry)
    assert.equal(await toolbox.provide(wish('^20'), signal), '20.10.0')
    const binDir = toolbox.binDir('hammer', '20.10.0')
    assert.equal(execFileSync(join(binDir, 'hammer'), { encoding: 'utf8' }), 'hammer 20.10.0\n')
    const folder = join(dir, 'hammer/20.10.0')
    assert.deepEqual((await readdir(join(folder, 'node_modules/hammer'))).toSorted(), [
      'bin',
      'package.json',
    ])
    assert.equal((await stat(join(folder, 'node_modules/hammer/bin/hammer'))).mode & 0o777, 0o555)
    assert.deepEqual(await tools(), ['hammer'])

    const asked = registry.requests.length
    assert.equal(await toolbox.provide(wish('>=20 <21'), signal), '20.10.0')
    assert.equal(await toolbox.provide(wish('20.10.0'), signal), '20.10.0')
    assert.equal(registry.requests.length, asked, 'It asked the registry again')
  },
)

test('without a registry the newest of those that are there is used', limit, async () => {
  {
    await using registry = await startRegistry([hammer('20.9.0'), hammer('18.1.0')])
    const toolbox = toolboxAt(registry)
    await toolbox.provide(wish('18'), signal)
    await toolbox.provide(wish('20'), signal)
  }
  const offline = toolboxAt('http://127.0.0.1:9/')
  assert.equal(await offline.provide(wish('>=18'), signal), '20.9.0')
  const error = await failure(offline.provide(wish('22'), signal), 'build-failed')
  assert.equal(error.message, 'There is no Hammer "22", which engines.hammer asks for')
  assert.match(error.hint, /^On this server there is: 18\.1\.0, 20\.9\.0\. .*npm registry/)
})

test(
  'what nobody has is refused with what there is, what is no range with an example',
  limit,
  async () => {
    await using registry = await startRegistry([hammer('20.9.0'), hammer('18.1.0')])
    const toolbox = toolboxAt(registry)
    const none = await failure(toolbox.provide(wish('>=99'), signal), 'build-failed')
    assert.equal(none.message, 'There is no Hammer ">=99", which engines.hammer asks for')
    assert.equal(none.hint, 'The registry has 18.1.0 to 20.9.0.')
    const odd = await failure(toolbox.provide(wish('20; rm -rf /'), signal), 'bad-manifest')
    assert.match(
      odd.message,
      /engines\.hammer asks for Hammer "20; rm -rf \/", but wants a version/,
    )
    assert.deepEqual(await tools(), [])
  },
)

test('a damaged archive is refused, and nothing is left behind', limit, async () => {
  await using registry = await startRegistry([hammer('20.9.0', { isDamaged: true })])
  const error = await failure(toolboxAt(registry).provide(wish('20'), signal), 'build-failed')
  assert.equal(error.message, 'Hammer 20.9.0 was not got')
  assert.match(String(error.data['lines']), /EINTEGRITY/)
  assert.deepEqual(await readdir(join(dir, 'hammer')), [])
  assert.deepEqual(await tools(), ['hammer'])
})

test('tools that no release needs go at the start, as do unfinished ones', limit, async () => {
  await using registry = await startRegistry([hammer('20.9.0'), hammer('18.1.0')])
  const toolbox = toolboxAt(registry)
  await toolbox.provide(wish('18'), signal)
  await toolbox.provide(wish('20'), signal)
  await mkdir(join(dir, '.new-abc'))
  await removeUnusedTools(dir, new Set(['hammer/18.1.0']))
  assert.deepEqual(await readdir(join(dir, 'hammer')), ['18.1.0'])
  assert.deepEqual(await readdir(dir), ['hammer'])
  await removeUnusedTools(join(dir, 'missing'), new Set())
})
