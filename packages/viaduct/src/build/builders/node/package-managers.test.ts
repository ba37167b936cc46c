/**
 * pnpm and yarn as they are, from the registry that the machine is set up for; the apps' packages
 * come from a registry of the test's own.
 */
import assert from 'node:assert/strict'
import { execFile, execFileSync } from 'node:child_process'
import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { after, before, beforeEach, test } from 'node:test'
import { AppError } from '../../../model/app-error.ts'
import { asApp, type Files, sourceOf, TestBuilds } from '../../fixtures/test-builds.ts'
import type { Toolbox } from '../../tools/toolbox.ts'
import { startRegistry, type TestRegistry } from './fixtures/test-registry.ts'
import { type ManagerKind, managerSettings, toolOf } from './package-manager.ts'

const bundler = '#!/usr/bin/env node\nconsole.log(`module.exports = ${2 * 21}`)\n'
const packages = [
  { name: 'left', version: '1.0.0', files: { 'index.js': 'module.exports = "left"\n' } },
  {
    name: '@test/bundler',
    version: '2.1.0',
    facts: { bin: { bundle: 'bundle.js' }, dependencies: { deep: '^1.0.0' } },
    files: { 'bundle.js': bundler },
  },
  { name: 'deep', version: '1.4.0', files: { 'index.js': '' } },
]

const hasRegistry = reachesRegistry()
const options = {
  timeout: 180_000,
  ...(!hasRegistry && { skip: 'There is no registry to get pnpm and yarn from' }),
}
let builds: TestBuilds
let local: TestRegistry
let toolbox: Toolbox
before(async () => {
  builds = await TestBuilds.open()
  const elsewhere = builds.npm.settings['npm_config_registry']
  local = await startRegistry(packages, { elsewhere })
  const settings = { ...builds.npm.settings, npm_config_registry: local.url }
  toolbox = builds.toolboxWith({ ...builds.npm, settings })
})
beforeEach(() => builds.renew())
after(async () => {
  await local[Symbol.asyncDispose]()
  await builds[Symbol.asyncDispose]()
})

function reachesRegistry(): boolean {
  try {
    execFileSync('npm', ['view', 'pnpm@10', 'version', '--fetch-retries=0'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

const facts = {
  name: 'hello',
  scripts: { start: 'node server.js', build: 'bundle > out.js' },
  dependencies: { left: '^1.0.0' },
  devDependencies: { '@test/bundler': '^2.0.0' },
}
const server = 'console.log(require("left"), require("./out.js"), process.version)\n'

interface Manager {
  readonly kind: ManagerKind
  readonly range: string
  readonly lock: string
  readonly writeLock: readonly string[]
}

/** The app with a lock file of the manager's own making. */
async function withLock({ kind, range, lock, writeLock }: Manager): Promise<Files> {
  const wish = toolOf({ kind, range, askedBy: 'the test' })
  const version = await toolbox.provide(wish, new AbortController().signal)
  const dir = await mkdtemp(join(builds.root, 'lock-'))
  const files: Record<string, string> = {
    'package.json': JSON.stringify(facts),
    'server.js': server,
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(dir, name), text)
  // Else yarn looks for its project further up.
  await writeFile(join(dir, 'yarn.lock'), '')
  if (kind === 'pnpm') await writeFile(join(dir, 'pnpm-lock.yaml'), '')
  const path = [toolbox.binDir(wish.name, version), dirname(process.execPath), process.env['PATH']]
  const settings = { ...builds.npm.settings, npm_config_registry: local.url }
  await promisify(execFile)(kind === 'pnpm' ? 'pnpm' : 'yarn', writeLock, {
    cwd: dir,
    timeout: 60_000,
    env: { PATH: path.join(delimiter), HOME: dir, ...managerSettings(kind, settings) },
  })
  return { ...files, [lock]: await readFile(join(dir, lock)) }
}

const managers: readonly (Manager & { readonly install: string; readonly prune: string })[] = [
  {
    kind: 'pnpm',
    range: '10',
    lock: 'pnpm-lock.yaml',
    writeLock: ['install', '--lockfile-only'],
    install: 'pnpm install --frozen-lockfile --prod=false',
    prune: 'pnpm prune --prod',
  },
  {
    kind: 'yarn-classic',
    range: '1',
    lock: 'yarn.lock',
    writeLock: ['install', '--ignore-scripts'],
    install: 'yarn install --frozen-lockfile --non-interactive --production=false',
    prune:
      'yarn install --frozen-lockfile --non-interactive --production --ignore-scripts --prefer-offline',
  },
  {
    kind: 'yarn',
    range: '4',
    lock: 'yarn.lock',
    writeLock: ['install', '--mode=update-lockfile'],
    install: 'yarn install --immutable',
    prune: 'yarn workspaces focus --all --production',
  },
]

for (const manager of managers) {
  const name = `${manager.kind} ${manager.range}`
  test(`${name} installs by its lock file, builds and prunes`, options, async () => {
    const files = await withLock(manager)
    const first = await builds.build(files, { toolbox })
    const command = manager.kind === 'pnpm' ? 'pnpm' : 'yarn'
    assert.deepEqual(first.steps, [manager.install, `${command} run build`, manager.prune])
    assert.equal(first.dependencies, 'installed')
    assert.match(first.runtime.tools.join(), new RegExp(`^${command}/${manager.range}\\.`))
    const node = `PATH=${dirname(process.execPath)}:$PATH node server.js`
    assert.equal(asApp(first.path, node), `left 42 ${process.version}\n`)
    await assert.rejects(stat(join(first.path, 'node_modules/@test/bundler')), { code: 'ENOENT' })

    const changed = { ...files, 'more.txt': '2' }
    const second = await builds.build(changed, {
      toolbox,
      source: sourceOf(changed, 'b'.repeat(64)),
    })
    assert.equal(second.dependencies, 'cached')
    assert.equal(second.steps.length, 2)
    assert.match(second.steps[1] ?? '', /^rm -r \d+ paths of node_modules/)
    assert.equal(asApp(second.path, node), `left 42 ${process.version}\n`)
    await assert.rejects(stat(join(second.path, 'node_modules/@test/bundler')), { code: 'ENOENT' })
  })

  test(
    `${name} refuses a lock file that is out of step, and says what to do`,
    options,
    async () => {
      const dependencies = { left: '^1.0.0', deep: '1.x' }
      const files = {
        ...(await withLock(manager)),
        'package.json': JSON.stringify({ ...facts, dependencies }),
      }
      await assert.rejects(builds.build(files, { toolbox }), (error) => {
        assert.ok(error instanceof AppError, String(error))
        assert.equal(error.code, 'build-failed')
        assert.match(
          error.hint,
          /^Run "(pnpm|yarn) install" in the folder/,
          String(error.data['lines']),
        )
        return true
      })
    },
  )
}
