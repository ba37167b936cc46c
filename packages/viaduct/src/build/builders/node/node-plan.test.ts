import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { AppError } from '../../../model/app-error.ts'
import { type NodePlan, readNodePlan } from './node-plan.ts'
import { managerSettings, npmRangeFor, toolOf } from './package-manager.ts'

async function planOf(
  files: Readonly<Record<string, string>>,
  { hasCommands = false } = {},
): Promise<NodePlan> {
  const tree = await mkdtemp(join(tmpdir(), 'viaduct-node-plan-'))
  try {
    for (const [name, text] of Object.entries(files)) await writeFile(join(tree, name), text)
    const plan = await readNodePlan(tree, { hasCommands })
    assert.ok(plan)
    return plan
  } finally {
    await rm(tree, { recursive: true })
  }
}

function packageJson(facts: object = {}): string {
  return JSON.stringify({ dependencies: { a: '1' }, ...facts })
}

test('engines.node is asked first, then .nvmrc, then .node-version', async () => {
  const engines = packageJson({ engines: { node: ' >=20 ' } })
  const files = { '.nvmrc': 'lts/iron\n', '.node-version': 'v18.1.0\n' }
  assert.deepEqual((await planOf({ ...files, 'package.json': engines })).node, {
    range: '>=20',
    askedBy: 'engines.node',
  })
  const plain = { 'package.json': packageJson() }
  assert.deepEqual((await planOf({ ...files, ...plain })).node, { range: '20', askedBy: '.nvmrc' })
  const other = { ...plain, '.node-version': '\n# ours\nv18.1.0\n' }
  assert.deepEqual((await planOf(other)).node, { range: 'v18.1.0', askedBy: '.node-version' })
  assert.deepEqual((await planOf({ ...plain, '.nvmrc': 'lts/*' })).node?.range, '*')
  assert.equal((await planOf(plain)).node, null)
})

test('the format of the lock file says which version wrote it', async () => {
  const cases = [
    ['pnpm-lock.yaml', 'lockfileVersion: 5.4\n', 'pnpm', '7'],
    ['pnpm-lock.yaml', "lockfileVersion: '6.0'\n", 'pnpm', '8'],
    ['pnpm-lock.yaml', "lockfileVersion: '9.0'\n", 'pnpm', '10'],
    ['yarn.lock', '# yarn lockfile v1\n', 'yarn-classic', '1'],
    ['yarn.lock', '__metadata:\n  version: 4\n', 'yarn', '2'],
    ['yarn.lock', '# x\n\n__metadata:\n  version: 6\n  cacheKey: 8\n', 'yarn', '3'],
    ['yarn.lock', '__metadata:\n  version: 8\n', 'yarn', '4'],
    ['package-lock.json', '{}', 'npm', null],
  ] as const
  for (const [name, text, kind, range] of cases) {
    const { manager } = await planOf({ 'package.json': packageJson(), [name]: text })
    assert.deepEqual({ ...manager }, { kind, range, askedBy: name })
  }
})

test('packageManager wins, with the very version, and must be one that is known', async () => {
  const ask = async (packageManager: string): Promise<NodePlan['manager']> =>
    (await planOf({ 'package.json': packageJson({ packageManager }) })).manager
  assert.deepEqual(await ask('pnpm@9.15.0+sha512.abc'), {
    ...{ kind: 'pnpm', range: '9.15.0', askedBy: 'packageManager' },
  })
  const berry = await ask('yarn@4.5.0')
  assert.equal(toolOf({ ...berry, range: '4.5.0' }).package, '@yarnpkg/cli-dist')
  const classic = await ask('yarn@1.22.22')
  assert.equal(toolOf({ ...classic, range: '1.22.22' }).package, 'yarn')
  for (const wrong of ['bun@1.1.0', 'pnpm', 'pnpm@latest', 'npm@11', '../npm@1.0.0']) {
    await assert.rejects(ask(wrong), (error) => {
      assert.ok(error instanceof AppError)
      assert.deepEqual([error.code, error.data['field']], ['bad-manifest', 'packageManager'])
      return true
    })
  }
})

test('development dependencies are there when something builds, and go afterwards', async () => {
  const facts = { devDependencies: { b: '1' } }
  const idle = await planOf({ 'package.json': packageJson(facts) })
  assert.deepEqual(
    [idle.commands.install, idle.prunes],
    ['install --omit=dev --no-package-lock', false],
  )
  const files = { 'package.json': packageJson(facts), 'package-lock.json': '{}' }
  const commands = await planOf(files, { hasCommands: true })
  assert.deepEqual([commands.commands.install, commands.prunes], ['ci --include=dev', true])
  // yarn from 2 on installs all in any case.
  const yarn = await planOf({
    'package.json': packageJson(facts),
    'yarn.lock': '__metadata:\n  version: 8\n',
  })
  assert.deepEqual([yarn.commands.install, yarn.prunes], ['install --immutable', true])
})

test('a package.json of ten megabytes is refused, not read', async () => {
  const huge = packageJson({ description: 'x'.repeat(10 * 1024 * 1024) })
  await assert.rejects(planOf({ 'package.json': huge }), {
    code: 'bad-manifest',
    message: 'package.json is larger than 1048576 bytes',
  })
})

test('an older Node.js gets an npm that runs with it', () => {
  const versions = ['22.1.0', '20.0.0', '18.0.0', '16.20.0', '14.1.0', '12.0.0', '10.0.0']
  assert.deepEqual(versions.map(npmRangeFor), ['10', '10', '10', '9', '9', '8', '6'])
})

test('each manager is told the way to the registry in its own words', () => {
  const settings = { npm_config_registry: 'http://registry.test:8080/', NODE_EXTRA_CA_CERTS: '/ca' }
  const yarn = managerSettings('yarn', settings)
  assert.equal(yarn['YARN_NPM_REGISTRY_SERVER'], 'http://registry.test:8080')
  assert.equal(yarn['YARN_UNSAFE_HTTP_WHITELIST'], 'registry.test')
  assert.equal(yarn['NODE_EXTRA_CA_CERTS'], '/ca')
  assert.equal(yarn['npm_config_registry'], undefined)
  const pnpm = managerSettings('pnpm', settings)
  assert.equal(pnpm['npm_config_registry'], settings.npm_config_registry)
  assert.equal(pnpm['pnpm_config_registry'], settings.npm_config_registry)
})
