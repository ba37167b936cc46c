/**
 * Apps are kept apart by users and modes when the platform is root: an app that tries gets nowhere.
 * docs/operating/security.md says in words what is tried here.
 */
import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { chmod, lstat, readdir, readFile, readlink } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { parseAppName } from '../../packages/viaduct/src/model/ids.ts'
import { type AppLayout, dataLayout } from '../../packages/viaduct/src/model/layout.ts'
import { fetchApp } from './harness/fetch-app.ts'
import { copyFixture, type FixtureApp } from './harness/fixture-app.ts'
import { type Platform, startPlatform } from './harness/start-platform.ts'

const skip =
  process.getuid?.() === 0 ? false : 'NOT ROOT: apps are only kept apart when the platform is root'
const refused = /^(EACCES|EPERM|EROFS)$/

let platform: Platform
let intruder: FixtureApp
let victim: FixtureApp
let own: AppLayout
let other: AppLayout
let victimPid = 0

before(async () => {
  if (skip !== false) return
  platform = await startPlatform({ env: { SERVER_SECRET: 'of the server' } })
  intruder = await copyFixture('intruder', {
    'package.json': JSON.stringify({
      name: 'intruder',
      type: 'module',
      scripts: { build: 'echo "uid=$(id -u) groups=$(id -G)"; grep CapEff /proc/self/status' },
    }),
  })
  await chmod(join(intruder.path, 'server.js'), 0o4755)
  victim = await copyFixture('good')
  await platform.run('deploy', victim.path)
  await platform.run('config', 'set', 'PASSWORD=of-the-victim', '--app', 'good')
  await platform.run('deploy', intruder.path)
  own = dataLayout(platform.dataDir).app(parseAppName('intruder'))
  other = dataLayout(platform.dataDir).app(parseAppName('good'))
  victimPid = await pidOf('good')
})

after(async () => {
  if (skip !== false) return
  await intruder[Symbol.asyncDispose]()
  await victim[Symbol.asyncDispose]()
  await platform[Symbol.asyncDispose]()
})

test('an app reaches no file of the platform or of another app', { skip }, async () => {
  const layout = dataLayout(platform.dataDir)
  const [artifact = ''] = await readdir(other.artifacts)
  const [release = ''] = await readdir(other.logs)
  const files = [
    ...[layout.adminToken, layout.database, layout.lock, layout.settings, layout.routes],
    ...[layout.children, layout.platformLog('daemon'), layout.platformLog('keeper')],
    ...[join(other.artifacts, artifact, 'server.js'), join(other.logs, release, 'app.log')],
    ...[`/proc/${victimPid}/environ`, `/proc/${platform.keeperPid()}/environ`],
  ]
  for (const path of files) {
    assert.ok(existsSync(path), `${path} is there to be tried`)
    await assertRefused(['read', path])
    await assertRefused(['append', path])
  }
  const folders = [
    ...[layout.root, layout.apps, layout.logs, layout.run, layout.uploads, layout.instances],
    ...[other.root, other.artifacts, other.data, other.tmp, other.cache, other.logs],
    ...[join(other.artifacts, artifact), `/proc/${victimPid}/fd`, `/proc/${victimPid}/cwd/`],
  ]
  for (const path of folders) {
    assert.ok(existsSync(path), `${path} is there to be tried`)
    await assertRefused(['list', path])
    await assertRefused(['write', join(path, 'planted')])
  }
})

test(
  'an app writes its data and its tmp, but not its release, nor through links',
  { skip },
  async () => {
    const { cwd } = JSON.parse(await attempt(['self'])) as { cwd: string }
    await assertRefused(['append', join(cwd, 'server.js')])
    await assertRefused(['write', join(cwd, 'planted')])
    await attempt(['write', join(own.data, 'kept')])
    await attempt(['write', join(own.tmp, 'scratch')])
    await attempt(['link', dataLayout(platform.dataDir).adminToken, join(own.data, 'way-out')])
    await assertRefused(['read', join(own.data, 'way-out')])
    await assertRefused(['write', join(own.data, 'way-out')])
    assert.equal(await attempt(['mode', join(cwd, 'server.js')]), '750', 'No setuid came through')
  },
)

test('an app signals no process of others and opens no control socket', { skip }, async () => {
  const pids = [victimPid, platform.keeperPid(), await platform.daemonPid()]
  for (const pid of [...pids, ...(await platform.proxyPids())]) {
    await assertRefused(['signal', `${pid}`])
  }
  const { run, buses: busFolder } = dataLayout(platform.dataDir)
  const sockets = (await readdir(run)).filter((name) => name.endsWith('.sock'))
  assert.ok(sockets.length >= 3, sockets.join(' '))
  for (const name of sockets) await assertRefused(['connect', join(run, name)])
  const buses = (await readdir(busFolder)).map((name) => join(busFolder, name))
  const { uid } = await lstat(own.data)
  const ofOthers: string[] = []
  for (const path of buses) if ((await lstat(path)).uid !== uid) ofOthers.push(path)
  assert.ok(ofOthers.length > 0 && ofOthers.length < buses.length, buses.join(' '))
  for (const path of ofOthers) await assertRefused(['connect', path])
  assert.equal((await fetchApp(platform.url('good'))).status, 200)
})

test('an app knows nothing of the environment of the server', { skip }, async () => {
  const names = Object.keys(JSON.parse(await attempt(['environment'])) as object)
  const expected = [
    ...['APP', 'BRANCH', 'COMMIT', 'DATA_DIR', 'DRONE_ID', 'HOME', 'HOST', 'LANG', 'NODE_ENV'],
    ...['NODE_ID', 'PATH', 'PORT', 'PREV_COMMIT', 'PROCESS_ID', 'PROCESS_TYPE', 'PWD', 'RELEASE'],
    ...['REPO', 'TMPDIR', 'VIADUCT_INSTANCE', 'VIADUCT_SOCKET'],
  ]
  const shellAdds = new Set(['OLDPWD', 'SHLVL', '_', 'NODE_CHANNEL_SERIALIZATION_MODE'])
  assert.deepEqual(names.filter((name) => !shellAdds.has(name)).toSorted(), expected)
})

test('an app has no privilege, no group and no descriptor of the platform', { skip }, async () => {
  const pid = await pidOf('intruder')
  const { uid } = await lstat(own.data)
  assert.ok(uid >= 10_000)
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  const field = (name: string): string | undefined =>
    new RegExp(`^${name}:(.*)$`, 'm').exec(status)?.[1]?.trim()
  assert.equal(field('Uid'), Array(4).fill(uid).join('\t'))
  assert.equal(field('Gid'), Array(4).fill(uid).join('\t'))
  assert.equal(field('Groups'), '')
  for (const set of ['CapEff', 'CapPrm', 'CapInh', 'CapAmb']) {
    assert.match(field(set) ?? '', /^0+$/, set)
  }
  if (existsSync('/usr/bin/setpriv')) assert.equal(field('NoNewPrivs'), '1')
  // 0 to 2, the IPC channel on 3, and what the app opened itself: low numbers, nothing of ours.
  for (const fd of await readdir(`/proc/${pid}/fd`)) {
    const target = await readlink(`/proc/${pid}/fd/${fd}`).catch(() => '')
    const allowed = Number(fd) < 3 || !target.startsWith(platform.dataDir)
    assert.ok(allowed, `Descriptor ${fd} is ${target}`)
    assert.ok(Number(fd) < 100, `Descriptor ${fd} came from who started the platform: ${target}`)
  }
  const score = Number(await readFile(`/proc/${pid}/oom_score_adj`, 'utf8'))
  const ours = Number(await readFile(`/proc/${platform.keeperPid()}/oom_score_adj`, 'utf8'))
  assert.ok(score > ours, `An app (${score}) is killed for memory before the platform (${ours})`)
})

test('a build runs as the user of the app', { skip }, async () => {
  const { uid } = await lstat(own.data)
  const [release = ''] = await readdir(own.logs)
  const log = await readFile(join(own.logs, release, 'install.log'), 'utf8')
  assert.match(log, new RegExp(`uid=${uid} groups=${uid}$`, 'm'))
  assert.match(log, /CapEff:\s+0+$/m)
})

/** @returns What the app got. */
async function attempt(words: readonly string[]): Promise<string> {
  const { done, said } = await ask(words)
  assert.ok(done, `${words.join(' ')}: ${said}`)
  return said
}

async function assertRefused(words: readonly string[]): Promise<void> {
  const { done, said } = await ask(words)
  assert.ok(!done, `It could ${words.join(' ')}`)
  assert.match(said, refused, words.join(' '))
}

async function ask(words: readonly string[]): Promise<{ done: boolean; said: string }> {
  const [instance] = await platform.client.apps.instances('intruder')
  const answer = await fetch(`http://127.0.0.1:${instance?.port}/`, {
    ...{ method: 'POST', body: JSON.stringify(words), signal: AbortSignal.timeout(10_000) },
  })
  return (await answer.json()) as { done: boolean; said: string }
}

async function pidOf(app: string): Promise<number> {
  const [instance] = (await platform.client.apps.instances(app)).filter(
    (one) => one.state === 'ready',
  )
  assert.ok(instance?.pid)
  return instance.pid
}
