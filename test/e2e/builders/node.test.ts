/** Node.js apps through the public interface: their own Node.js, a build step, `install` commands. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, test } from 'node:test'
import {
  startRegistry,
  type TestRegistry,
} from '../../../packages/viaduct/src/build/builders/node/fixtures/test-registry.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import { findProcesses } from '../harness/processes.ts'
import { type Platform, startPlatform } from '../harness/start-platform.ts'

const limit = { timeout: 240_000 }
const upstream = registryWith(`node-linux-${process.arch}@20`)
let platform: Platform
let local: TestRegistry
let folders = ''
before(async () => {
  folders = await mkdtemp(join(tmpdir(), 'viaduct-node-apps-'))
  local = await startRegistry(
    [
      { name: 'left', version: '1.0.0', files: { 'index.js': 'module.exports = "left"\n' } },
      {
        name: 'bundler',
        version: '2.1.0',
        facts: { bin: 'bundle.js' },
        files: { 'bundle.js': '#!/usr/bin/env node\nconsole.log(`module.exports = ${2 * 21}`)\n' },
      },
    ],
    { elsewhere: upstream ?? undefined },
  )
  platform = await startPlatform({ proxies: 1, env: { npm_config_registry: local.url } })
})
after(async () => {
  await platform[Symbol.asyncDispose]()
  await local[Symbol.asyncDispose]()
  await rm(folders, { recursive: true })
})

/** @returns The machine's registry when it has the package; null else. */
function registryWith(name: string): string | null {
  try {
    const options = { encoding: 'utf8', stdio: 'pipe' } as const
    execFileSync('npm', ['view', name, 'version', '--fetch-retries=0'], options)
    return execFileSync('npm', ['config', 'get', 'registry'], options).trim()
  } catch {
    return null
  }
}

/** Answers with what it runs on and what it is made of. */
const server = `const parts = [process.version]
for (const name of ['left', './out.js']) {
  try { parts.push(require(name)) } catch { parts.push('no ' + name) }
}
require('node:http')
  .createServer((_, response) => response.end(parts.join(' ')))
  .listen(process.env.PORT, process.env.HOST)
`

/** Writes an app, again when it is there. */
async function write(name: string, files: Readonly<Record<string, string>>): Promise<string> {
  const path = join(folders, name)
  for (const [file, text] of Object.entries({ 'server.js': server, ...files })) {
    await mkdir(dirname(join(path, file)), { recursive: true })
    await writeFile(join(path, file), text)
  }
  return path
}

function packageJson(facts: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ scripts: { start: 'node server.js' }, ...facts })
}

async function answer(app: string): Promise<string> {
  const { status, body } = await fetchApp(platform.url(app))
  assert.equal(status, 200, body)
  return body
}

const skip = upstream === null && 'There is no registry to get Node.js 20 from'
test('engines.node is what an app runs on, also after a rollback', { ...limit, skip }, async () => {
  const old = { name: 'old', dependencies: { left: '^1.0.0' }, engines: { node: '20.x' } }
  const path = await write('old', { 'package.json': packageJson(old) })
  await platform.run('deploy', path)
  assert.match(await answer('old'), /^v20\.\d+\.\d+ left no /)

  await write('old', { 'package.json': packageJson({ ...old, engines: {} }) })
  await platform.run('deploy', path)
  assert.equal((await answer('old')).split(' ')[0], process.version)

  await platform.run('rollback', '--app', 'old')
  assert.match(await answer('old'), /^v20\./)
  // The cold way: started again from the release.
  await platform.run('restart', '--app', 'old')
  assert.match(await answer('old'), /^v20\./)
})

test('what only a build step needs is not part of the release', limit, async () => {
  const facts = {
    name: 'built',
    scripts: { start: 'node server.js', build: 'bundler > out.js' },
    dependencies: { left: '^1.0.0' },
    devDependencies: { bundler: '^2.0.0' },
  }
  const path = await write('built', {
    'package.json': packageJson(facts),
    'viaduct.json': JSON.stringify({ name: 'built' }),
  })
  for (const round of ['1', '2']) {
    await write('built', { 'round.txt': round })
    await platform.run('deploy', path)
    assert.equal(await answer('built'), `${process.version} left 42`)
  }
  const log = await platform.run('logs', '--app', 'built', '--stream', 'install', '--release', 'v2')
  assert.match(log, /\$ npm run build\n.*\$ rm -r \d+ paths of node_modules/s)
})

test('install commands run after the dependencies, and the log has them', limit, async () => {
  const commands = [
    'node -p "require(\'left\')" > from-left.txt; cat from-left.txt; pwd',
    'read line || echo "nothing on stdin"',
    'sleep 1000 & echo "left $! behind"',
  ]
  const path = await write('prepared', {
    'package.json': packageJson({ name: 'prepared', dependencies: { left: '^1.0.0' } }),
    'viaduct.json': JSON.stringify({ install: commands }),
  })
  await platform.run('deploy', path)
  const log = await platform.run('logs', '--app', 'prepared', '--stream', 'install')
  const at = (text: string): number => {
    assert.ok(log.includes(text), `${text} is not in the log:\n${log}`)
    return log.indexOf(text)
  }
  assert.ok(at('$ npm install') < at(`$ ${commands[0]}`))
  assert.ok(at('exit code 0') < at(`$ ${commands[0]}`))
  at('nothing on stdin')
  const behind = /left (\d+) behind/.exec(log)?.[1]
  const living = await findProcesses(platform.dataDir)
  assert.ok(!living.some(({ pid }) => pid === Number(behind)), 'What it left behind still runs')

  const before = await answer('prepared')
  await write('prepared', { 'viaduct.json': '{"install": ["true", "echo oh no; exit 3"]}' })
  const failed = await platform.cli(['deploy', path])
  assert.equal(failed.code, 1)
  assert.match(failed.stderr, /"echo oh no; exit 3" ended with code 3/)
  assert.match(failed.stderr, /oh no/)
  assert.equal(await answer('prepared'), before)
  const last = await platform.run('logs', '--app', 'prepared', '--stream', 'install')
  assert.match(last, /\$ true\n.*exit code 0\n.*\$ echo oh no; exit 3\n.*oh no\n.*exit code 3\n/)
})

test(
  'a build that prints without end costs its log file, and the rest goes on',
  limit,
  async () => {
    const build = 'yes "some text of a build" | head -c 60000000; echo the last line; exit 5'
    const path = await write('loud', {
      'package.json': packageJson({ name: 'loud', scripts: { start: 'node server.js', build } }),
    })
    const { code, stdout } = await platform.cli(['deploy', path])
    assert.equal(code, 1)
    assert.match(stdout, /the last line\n/)
    assert.match(stdout, /… \d+ lines are in the log only/)
    const shown = stdout.split('\n').length
    assert.ok(shown < 20_000, `${shown} of 2,600,000 lines came to the terminal`)
  },
)
