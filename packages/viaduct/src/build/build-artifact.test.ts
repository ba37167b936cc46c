import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmod,
  mkdir,
  mkdtemp,
  readFile,
  readdir,
  stat,
  symlink,
  writeFile,
} from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { create } from 'tar'
import { AppError } from '../model/app-error.ts'
import type { ArtifactId } from '../model/ids.ts'
import { type BuildOptions, artifactId } from './build-artifact.ts'
import type { Equipped } from './builders/builder.ts'
import {
  asApp,
  type Files,
  owner,
  sourceOf,
  type TestBuild,
  TestBuilds,
} from './fixtures/test-builds.ts'
import { removeOldArtifacts, removeUnfinishedBuilds } from './remove-old-artifacts.ts'

const limit = { timeout: 90_000 }
let builds: TestBuilds
before(async () => (builds = await TestBuilds.open()))
beforeEach(() => builds.renew())
after(() => builds[Symbol.asyncDispose]())

function build(files: Files, options?: Partial<BuildOptions>): Promise<TestBuild> {
  return builds.build(files, options)
}

async function failure(promise: Promise<unknown>, code: string, message: RegExp) {
  let thrown: unknown
  await assert.rejects(promise, (error) => {
    thrown = error
    return true
  })
  assert.ok(thrown instanceof AppError, String(thrown))
  assert.equal(thrown.code, code, thrown.message)
  assert.match(thrown.message, message)
  assert.deepEqual(await readdir(builds.layout.artifacts), [], 'Something was left behind')
  return thrown
}

/** A dependency that brings a command. */
async function dependency(): Promise<Buffer> {
  const facts = { name: 'dep', version: '1.0.0', bin: { dep: 'dep.js' } }
  const program = '#!/usr/bin/env node\nconsole.log("dep runs")\n'
  return await packed({ 'package.json': JSON.stringify(facts), 'dep.js': program })
}

/** A package as an archive, which npm installs without a network. */
async function packed(files: Readonly<Record<string, string>>): Promise<Buffer> {
  const dir = await mkdtemp(join(builds.root, 'dependency-'))
  await mkdir(join(dir, 'package'))
  for (const [name, text] of Object.entries(files)) {
    await writeFile(join(dir, 'package', name), text)
  }
  return await create({ cwd: dir, gzip: true, portable: true }, ['package']).concat()
}

const withDep = { name: 'hello', dependencies: { dep: 'file:dep.tgz' }, scripts: { start: 'dep' } }

test('an app without dependencies is sealed as it is, and nothing runs', limit, async () => {
  const { path, steps, processes, manifest, commit, dependencies } = await build({
    'package.json': '{"name": "@acme/hello", "scripts": {"start": "./start.js"}}',
    'bin/run': 'x',
  })
  assert.deepEqual(steps, [])
  assert.deepEqual(
    [{ ...processes }, manifest.name, commit],
    [{ web: 'node ./start.js' }, 'hello', 'c0ffee'],
  )
  assert.equal(dependencies, 'none')
  assert.deepEqual(await readdir(builds.layout.artifacts), [path.split('/').at(-1)])
  if (!owner) return
  assert.equal(asApp(path, 'cat bin/run'), 'x')
  for (const attempt of [
    'echo y > bin/run',
    'rm bin/run',
    'touch new',
    'chmod u+w .',
    'mv bin b',
  ]) {
    assert.throws(() => asApp(path, attempt), /ermission denied|not permitted/)
  }
  const stranger = { uid: 58_999, gid: 58_999 }
  assert.throws(() => execFileSync('ls', [path], { ...stranger, stdio: 'pipe' }), /denied/)
})

test(
  'npm ci installs by the lock file once; an unchanged one installs nothing',
  limit,
  async () => {
    const lockDir = await mkdtemp(join(builds.root, 'lock-'))
    const files: Record<string, string | Buffer> = {
      'package.json': JSON.stringify(withDep),
      'dep.tgz': await dependency(),
    }
    for (const [name, text] of Object.entries(files)) await writeFile(join(lockDir, name), text)
    execFileSync(
      process.execPath,
      [builds.npm.cli, 'install', '--package-lock-only', '--offline'],
      {
        cwd: lockDir,
        env: { ...process.env, npm_config_cache: join(lockDir, '.npm') },
      },
    )
    files['package-lock.json'] = await readFile(join(lockDir, 'package-lock.json'))

    const first = await build(files)
    assert.deepEqual(first.steps, ['npm ci --omit=dev'])
    assert.equal(first.dependencies, 'installed')
    assert.equal(
      asApp(first.path, `PATH=${dirname(process.execPath)}:$PATH node_modules/.bin/dep`),
      'dep runs\n',
    )

    const second = await build(
      { ...files, 'server.js': '2' },
      { source: sourceOf({ ...files, 'server.js': '2' }, 'b'.repeat(64)) },
    )
    assert.deepEqual(second.steps, [])
    assert.equal(second.dependencies, 'cached')
    const inodes = await Promise.all(
      [first, second].map(
        async ({ path }) => (await stat(join(path, 'node_modules/dep/dep.js'))).ino,
      ),
    )
    assert.equal(inodes[0], inodes[1])
    if (owner) assert.throws(() => asApp(second.path, 'echo > node_modules/dep/dep.js'), /denied/)

    const changed = { ...files, '.npmrc': 'loglevel=warn' }
    const third = await build(changed, { source: sourceOf(changed, 'c'.repeat(64)) })
    assert.equal(third.dependencies, 'installed')
    const again = await build(files)
    assert.deepEqual([again.dependencies, again.artifact], ['reused', first.artifact])
  },
)

test(
  'without a lock file npm install runs; own install scripts keep it out of the cache',
  limit,
  async () => {
    const facts = { ...withDep, scripts: { ...withDep.scripts, postinstall: 'echo from the app' } }
    const files = { 'package.json': JSON.stringify(facts), 'dep.tgz': await dependency() }
    const first = await build(files)
    assert.deepEqual(first.steps, ['npm install --omit=dev --no-package-lock'])
    assert.ok(first.output.some((each) => each.type === 'line' && each.line === 'from the app'))
    const second = await build(files, { source: sourceOf(files, 'b'.repeat(64)) })
    assert.equal(second.dependencies, 'installed')
    assert.deepEqual(await readdir(builds.layout.dependencyCache), [])
  },
)

test(
  'a build script gets development dependencies and config, which are pruned after it',
  limit,
  async () => {
    const facts = {
      scripts: {
        start: 'node out.js',
        build: 'dep > out.js && echo $API_URL >> out.js && touch node_modules/.cache',
      },
      dependencies: {},
      devDependencies: { dep: 'file:dep.tgz' },
    }
    const files = { 'package.json': JSON.stringify(facts), 'dep.tgz': await dependency() }
    const { path, steps } = await build(files, { env: { API_URL: 'https://api.test' } })
    assert.deepEqual(steps, [
      'npm install --include=dev --no-package-lock',
      'npm run build',
      'npm prune --omit=dev',
    ])
    assert.equal(await readFile(join(path, 'out.js'), 'utf8'), 'dep runs\nhttps://api.test\n')
    await assert.rejects(stat(join(path, 'node_modules/dep')), { code: 'ENOENT' })
  },
)

test('an uploaded node_modules is taken as it is', limit, async () => {
  const files = { 'package.json': JSON.stringify(withDep), 'node_modules/dep/x': 'mine' }
  const { steps, dependencies, path } = await build(files)
  assert.deepEqual([steps, dependencies], [[], 'uploaded'])
  assert.equal(await readFile(join(path, 'node_modules/dep/x'), 'utf8'), 'mine')
})

test('packages of the same repository are installed, and work in the release', limit, async () => {
  const files = {
    'package.json': JSON.stringify({ workspaces: ['packages/*'], scripts: { start: 'x' } }),
    'packages/lib/package.json': JSON.stringify({ name: 'lib', version: '1.0.0' }),
    'packages/lib/index.js': 'module.exports = "from the workspace"\n',
  }
  const first = await build(files)
  assert.deepEqual(first.steps, ['npm install --omit=dev --no-package-lock'])
  const ask = `PATH=${dirname(process.execPath)}:$PATH node -p 'require("lib")'`
  assert.equal(asApp(first.path, ask), 'from the workspace\n')
})

test(
  'the manifest forces a builder, and its commands see the tree that builders made',
  limit,
  async () => {
    const forced = { builder: 'procfile', install: ['ls -A > seen.txt'] }
    const files = {
      'package.json': JSON.stringify(withDep),
      Procfile: 'web: node x.js',
      'viaduct.json': JSON.stringify(forced),
    }
    const alone = await build(files)
    assert.deepEqual(alone.steps, ['ls -A > seen.txt'])
    assert.deepEqual({ ...alone.processes }, { web: 'node x.js' })

    const own = { 'dep.tgz': await dependency(), 'viaduct.json': '{"install": ["dep > seen.txt"]}' }
    const both = await build(
      { ...files, ...own },
      { source: sourceOf({ ...files, ...own }, 'b'.repeat(64)) },
    )
    assert.deepEqual(both.steps, ['npm install --include=dev --no-package-lock', 'dep > seen.txt'])
    assert.equal(await readFile(join(both.path, 'seen.txt'), 'utf8'), 'dep runs\n')

    const wrong = { ...files, 'viaduct.json': '{"builder": "python"}' }
    await assert.rejects(build(wrong), { code: 'bad-manifest' })
  },
)

test('a failed install says step, command, code and what could not be had', limit, async () => {
  const files = { 'package.json': JSON.stringify(withDep) }
  const error = await failure(build(files), 'build-failed', /"npm install .*" ended with code \d+/)
  assert.equal(error.data['step'], 'install')
  assert.match(String(error.data['lines']), /dep\.tgz/)
  assert.ok((error.data['lines'] as string[]).length <= 20)
})

test('a lock file that is out of step is named, without the help of npm', limit, async () => {
  const lock = { name: 'hello', lockfileVersion: 3, packages: { '': { name: 'hello' } } }
  const files = {
    'package.json': JSON.stringify(withDep),
    'dep.tgz': await dependency(),
    'package-lock.json': JSON.stringify(lock),
  }
  const error = await failure(build(files), 'build-failed', /"npm ci --omit=dev" ended with code 1/)
  const lines = error.data['lines'] as string[]
  assert.match(lines[0] ?? '', /EUSAGE/)
  assert.match(lines.at(-1) ?? '', /Missing: dep@.* from lock file/)
  assert.match(error.hint, /Run "npm install"/)
})

test('a script of a package that fails is named, with its last lines', limit, async () => {
  const dep = { name: 'dep', version: '1.0.0', scripts: { postinstall: 'node fail.js' } }
  const fail = `for (let i = 0; i < 50; i++) console.log('line', i)
    console.error('no compiler')
    process.exit(3)`
  const files = {
    'package.json': JSON.stringify({ ...withDep, dependencies: { dep: 'file:dep.tgz' } }),
    'dep.tgz': await packed({ 'package.json': JSON.stringify(dep), 'fail.js': fail }),
  }
  const error = await failure(build(files), 'build-failed', /ended with code 3/)
  const lines = error.data['lines'] as string[]
  assert.match(lines.slice(0, 4).join('\n'), /node_modules\/dep\n.*\n.*node fail\.js/)
  assert.match(lines.at(-1) ?? '', /no compiler/)
  assert.equal(lines.length, 20)
})

test('the registry that the app names comes before that of the platform', limit, async () => {
  const settings = { ...builds.npm.settings, npm_config_registry: 'http://127.0.0.1:9/platform/' }
  const retries = 'fetch-retries=0\n'
  const ask = (npmrc: string) =>
    failure(
      build(
        {
          'package.json': JSON.stringify({ ...withDep, dependencies: { ms: '2.1.3' } }),
          '.npmrc': `${retries}${npmrc}`,
        },
        { toolbox: builds.toolboxWith({ ...builds.npm, settings }) },
      ),
      'build-failed',
      /npm install/,
    )
  assert.match(String((await ask('')).data['lines']), /127\.0\.0\.1:9\/platform\/ms/)
  const own = await ask('registry = http://127.0.0.1:9/own/\n')
  assert.match(String(own.data['lines']), /127\.0\.0\.1:9\/own\/ms/)
  assert.match(own.hint, /does not reach the npm registry/)
})

test('a build that takes too long is ended and named, as is one without npm', limit, async () => {
  const scripts = { start: 'x', build: 'echo working; sleep 60' }
  const files = { 'package.json': JSON.stringify({ scripts }) }
  const late = await failure(
    build(files, { timeoutMs: 1_500 }),
    'build-failed',
    /"npm run build" took longer than 1500 ms/,
  )
  assert.deepEqual([late.data['step'], late.data['signal']], ['build', 'SIGKILL'])
  const endless = { Procfile: 'web: x', 'viaduct.json': '{"install": ["true", "sleep 60"]}' }
  const command = await failure(
    build(endless, { timeoutMs: 1_000 }),
    'build-failed',
    /"sleep 60" took longer than 1000 ms/,
  )
  assert.equal(command.data['step'], 'command')
  const none = await failure(
    build(files, { toolbox: builds.toolboxWith(null) }),
    'build-failed',
    /there is no npm/,
  )
  assert.match(none.hint, /Install npm/)
})

test('an abort ends the build, and nothing is left behind', limit, async () => {
  const controller = new AbortController()
  const scripts = { start: 'x', build: 'echo working; sleep 60' }
  const building = build(
    { 'package.json': JSON.stringify({ scripts }) },
    {
      signal: controller.signal,
      onOutput: (each) => {
        if (each.type === 'line' && each.line === 'working')
          controller.abort(new Error('superseded'))
      },
    },
  )
  await assert.rejects(building, { message: 'superseded' })
  assert.deepEqual(await readdir(builds.layout.artifacts), [])
})

test('what is no app is refused, and nothing is left behind', limit, async () => {
  await failure(build({ 'a.txt': '' }), 'no-web-process', /no Procfile, and no package.json/)
  await failure(
    build({ 'package.json': '{}' }),
    'no-web-process',
    /package.json has no scripts.start/,
  )
  const typo = await failure(build({ Procfile: 'wbe: x' }), 'no-web-process', /it has wbe/)
  assert.match(typo.hint, /Did you mean "web"/)
  await failure(build({ Procfile: 'web x' }), 'bad-procfile', /line 1/)
  await failure(
    build({ Procfile: 'web: x', 'viaduct.json': '{"nme": "a"}' }),
    'bad-manifest',
    /mean "name"/,
  )
  await failure(
    build({ Procfile: 'web: x', 'viaduct.json/a': '' }),
    'bad-manifest',
    /viaduct.json is not a file/,
  )
})

test('an app whose manifest routes nothing needs no web process', limit, async () => {
  const { processes } = await build({ Procfile: 'worker: x', 'viaduct.json': '{"routes": []}' })
  assert.deepEqual({ ...processes }, { worker: 'x' })
})

test('the platform never reads or changes what a build links to', limit, async () => {
  const secret = join(builds.root, 'secret')
  await writeFile(secret, 'web: secret', { mode: 0o666 })
  await chmod(secret, 0o666)
  const source = sourceOf({ 'package.json': '{"scripts": {"start": "x"}}' })
  const linked = {
    ...source,
    writeTo: async (dir: string) => {
      await source.writeTo(dir)
      await symlink(secret, join(dir, 'Procfile'))
      await symlink(builds.root, join(dir, 'folder'))
    },
  }
  const error = await failure(
    build({}, { source: linked }),
    'bad-manifest',
    /Procfile is not a file of the app/,
  )
  assert.doesNotMatch(JSON.stringify(error), /web: secret/)
  assert.equal((await stat(secret)).mode & 0o777, 0o666)
})

test('an artifact is named by source, config in any order, commands, and what builds it', () => {
  const source = { sha256: 'a'.repeat(64), writeTo: async () => {} }
  const id = (env: Record<string, string>, toolchain: string, commands: string[] = []) => {
    const equipped = [{ toolchain: [toolchain] } as unknown as Equipped]
    return artifactId({ source, env }, { equipped, commands })
  }
  const first = id({ A: '1', B: '2' }, 'npm 11')
  assert.equal(id({ B: '2', A: '1' }, 'npm 11'), first)
  const others = [
    id({ A: '1', B: '3' }, 'npm 11'),
    id({ A: '1', B: '2' }, 'npm 12'),
    id({ A: '1', B: '2' }, 'npm 11', ['make']),
  ]
  assert.equal(new Set([first, ...others]).size, 4)
})

test('old artifacts and unfinished builds are removed, kept ones stay', limit, async () => {
  const ids: ArtifactId[] = []
  for (const letter of ['a', 'b', 'c']) {
    const source = sourceOf({ Procfile: 'web: x', 'd/e': '' }, letter.repeat(64))
    ids.push((await build({}, { source })).artifact)
  }
  await mkdir(join(builds.layout.artifacts, '.build-abandoned'))
  await removeUnfinishedBuilds(builds.layout, owner)
  const removed = await removeOldArtifacts({
    layout: builds.layout,
    keep: new Set([ids[1]!]),
    owner,
  })
  assert.deepEqual(removed.toSorted(), [ids[0]!, ids[2]!].toSorted())
  assert.deepEqual(await readdir(builds.layout.artifacts), [ids[1]])
})

test('a tree is synced when it is whole and sealed, before it has its name', limit, async () => {
  const bin = join(builds.root, 'bin')
  await mkdir(bin)
  const asked = join(bin, 'asked')
  const script = `#!/bin/sh\necho "$2 $(cat "$2/Procfile") $(ls ${builds.layout.artifacts})" >> ${asked}\n`
  await writeFile(join(bin, 'sync'), script, { mode: 0o755 })
  const before = process.env.PATH
  process.env.PATH = `${bin}:${before}`
  try {
    const { artifact } = await build({ Procfile: 'web: node a.js\n' })
    const line = await readFile(asked, 'utf8')
    assert.match(line, /\/artifacts\/\.build-\w+\/tree web: node a\.js $/m)
    assert.deepEqual(await readdir(builds.layout.artifacts), [artifact])
  } finally {
    process.env.PATH = before
  }
})
