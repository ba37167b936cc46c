/** Repositories are fetched by the real git, from a real git server on loopback. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { access, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { unpackArchive } from '../unpack-archive.ts'
import {
  type FetchOptions,
  fetchRepository,
  findCommit,
  type RunCommand,
} from './fetch-repository.ts'
import { type GitHost, openGitHost } from './fixtures/git-host.ts'

let host: GitHost
let base: string
before(async () => {
  host = await openGitHost()
  base = await mkdtemp(join(tmpdir(), 'viaduct-fetch-'))
})
after(async () => {
  await host[Symbol.asyncDispose]()
  await rm(base, { recursive: true, force: true })
})

/** As the keeper would, but as this very user. */
const run: RunCommand = async ({ command, cwd, env, onLine, signal, timeoutMs }) => {
  const child = spawn('/bin/sh', ['-c', command], {
    cwd,
    env,
    signal,
    timeout: timeoutMs,
    killSignal: 'SIGKILL',
  })
  child.on('error', () => undefined)
  for (const stream of ['stdout', 'stderr'] as const) {
    createInterface(child[stream]).on('line', (line) => onLine(stream, line))
  }
  return new Promise((resolve) => {
    child.on('close', (code, how) => resolve({ code, signal: how }))
  })
}

let made = 0
async function options(changes: Partial<FetchOptions> = {}): Promise<FetchOptions> {
  const home = join(base, `home-${made++}`)
  await mkdir(home)
  return {
    places: {
      clone: join(home, 'clone'),
      archive: join(home, 'clone.tar.gz'),
      deployKey: join(home, 'key'),
      knownHosts: join(home, 'known_hosts'),
    },
    ...{ home, owner: null, config: {}, uploads: join(home, 'uploads') },
    ...{ maxBytes: 10_000_000, unpackedMaxBytes: 10_000_000, unpackedMaxEntries: 1_000 },
    ...{ run, signal: AbortSignal.timeout(60_000) },
    ...changes,
  }
}

/** The files of what was fetched. */
async function fetchTree(url: string, wanted: FetchOptions, branch?: string) {
  const found = await findCommit({ url, ...(branch && { branch }) }, wanted)
  const { path } = await fetchRepository(found, wanted)
  const target = join(wanted.home, `tree-${made++}`)
  await unpackArchive(path, { target })
  const names = await readdir(target, { recursive: true })
  return { found, target, names: names.toSorted() }
}

test('a branch is fetched with its commit; without one, the default branch', async () => {
  const repository = await host.create('shop')
  const commit = await repository.commit({ Procfile: 'web: true\n', 'lib/a b.txt': 'x' })
  const own = await options()
  const first = await fetchTree(repository.url, own)
  assert.deepEqual(first.found, { url: repository.url, branch: 'main', commit })
  assert.deepEqual(first.names, ['Procfile', 'lib', 'lib/a b.txt'])
  await repository.git('checkout', '--quiet', '-b', 'feature/x')
  const second = await repository.commit({
    'lib/a b.txt': null,
    '.gitattributes': '* export-ignore',
  })
  const feature = await fetchTree(repository.url, own, 'feature/x')
  assert.deepEqual([feature.found.branch, feature.found.commit], ['feature/x', second])
  assert.deepEqual(feature.names, ['.gitattributes', 'Procfile'])
})

test('a branch that was rewritten is followed, and what is there is not fetched again', async () => {
  const repository = await host.create('forced')
  const before = await repository.commit({ Procfile: 'web: one\n', big: 'x'.repeat(100_000) })
  const own = await options()
  await fetchTree(repository.url, own)
  const packs = host.packs
  await fetchTree(repository.url, own)
  assert.equal(host.packs - packs, 1, 'only the refs were asked for')
  await repository.git('commit', '--quiet', '--amend', '--message', 'Other')
  const after_ = await repository.commit({ Procfile: 'web: two\n' })
  const { found, target } = await fetchTree(repository.url, own)
  assert.equal(found.commit, after_)
  assert.notEqual(found.commit, before)
  assert.equal(await readFile(join(target, 'Procfile'), 'utf8'), 'web: two\n')
})

test('a commit that the branch has left behind meanwhile is what is fetched', async () => {
  const repository = await host.create('moving')
  await repository.commit({ Procfile: 'web: one\n' })
  const own = await options()
  const found = await findCommit({ url: repository.url }, own)
  await repository.commit({ Procfile: 'web: two\n' })
  const { path } = await fetchRepository(found, own)
  const target = join(own.home, 'tree')
  await unpackArchive(path, { target })
  assert.equal(await readFile(join(target, 'Procfile'), 'utf8'), 'web: one\n')
})

test('submodules come along, by relative URLs too', async () => {
  const part = await host.create('part')
  await part.commit({ 'part.txt': 'part' })
  const whole = await host.create('whole')
  await whole.commit({ Procfile: 'web: true\n' })
  await whole.git(
    '-c',
    'protocol.http.allow=always',
    'submodule',
    '--quiet',
    'add',
    part.url,
    'vendor/part',
  )
  await whole.git('config', '-f', '.gitmodules', 'submodule.vendor/part.url', '../part.git')
  await whole.commit({})
  const { names } = await fetchTree(whole.url, await options())
  assert.deepEqual(names, [
    '.gitmodules',
    'Procfile',
    'vendor',
    'vendor/part',
    'vendor/part/part.txt',
  ])
})

test('a submodule cannot bring in another protocol', async () => {
  const repository = await host.create('evil-part')
  const marker = join(base, 'marker')
  await repository.commit({ Procfile: 'web: true\n' })
  const part = await host.create('evil-target')
  await part.commit({ a: 'a' })
  await repository.git(
    '-c',
    'protocol.http.allow=always',
    'submodule',
    '--quiet',
    'add',
    part.url,
    'sub',
  )
  for (const url of [`ext::touch% ${marker}`, `file://${join(host.root, 'part.git')}`]) {
    await repository.git('config', '-f', '.gitmodules', 'submodule.sub.url', url)
    await repository.commit({})
    await assert.rejects(fetchTree(repository.url, await options()), { code: 'repo-denied' }, url)
  }
  await assert.rejects(access(marker))
})

test('a branch that is not there is refused with those that are; so is an empty repository', async () => {
  const repository = await host.create('branches')
  await assert.rejects(findCommit({ url: repository.url }, await options()), {
    code: 'branch-not-found',
    message: /is empty/,
  })
  await repository.commit({ a: 'a' })
  await assert.rejects(findCommit({ url: repository.url, branch: 'mian' }, await options()), {
    code: 'branch-not-found',
    message: /has no branch "mian"/,
    hint: 'There are: main.',
  })
})

test('what cannot be reached, is not there, or wants a password, is said to be so', async () => {
  const of = async (url: string) => findCommit({ url }, await options())
  await assert.rejects(of('http://127.0.0.1:9/x.git'), {
    code: 'repo-unreachable',
    message: /cannot be reached/,
  })
  await assert.rejects(of('git://127.0.0.1:9/x.git'), { code: 'repo-unreachable' })
  await assert.rejects(of('http://nowhere.invalid/x.git'), { code: 'repo-unreachable' })
  await assert.rejects(of('ssh://git@127.0.0.1:9/x.git'), { code: 'repo-unreachable' })
  await assert.rejects(of(host.url('nothing')), { code: 'repo-unreachable' })
  const repository = await host.create('private')
  await repository.commit({ a: 'a' })
  host.password = 'user:secret'
  await assert.rejects(of(repository.url), { code: 'repo-denied' })
  host.password = null
})

test('what is not the address of a repository never reaches git', async () => {
  for (const url of [
    'ext::sh -c id',
    '--upload-pack=id',
    'file:///etc',
    '/etc',
    '-x',
    'a\nb',
    'fd::1',
  ]) {
    const never = await options({ run: () => assert.fail('git was run') })
    await assert.rejects(findCommit({ url }, never), { code: 'bad-repo' }, url)
    const branch = { url: 'https://example.org/x.git', branch: url }
    if (/[ :/-]/.test(url[0] ?? '') || url.includes(':') || url.includes('\n')) {
      await assert.rejects(findCommit(branch, never), { code: 'bad-repo' }, url)
    }
  }
})

test('a branch that a shell would make something of is only a name', async () => {
  const repository = await host.create('names')
  await repository.commit({ a: '1' })
  const own = await options()
  const names = [
    '$(touch${IFS}ran)',
    '`touch${IFS}ran`',
    'a;touch${IFS}ran',
    "'a'",
    'a|b&c',
    '"$HOME"',
  ]
  for (const name of names) {
    await repository.git('checkout', '--quiet', '-b', name, 'main')
    const commit = await repository.commit({ name })
    const { found, target } = await fetchTree(repository.url, own, name)
    assert.deepEqual(found, { url: repository.url, branch: name, commit })
    assert.equal(await readFile(join(target, 'name'), 'utf8'), name)
  }
  const path = '/$(touch${IFS}ran);`id`|x&y.git'
  const url = host.url('names').replace('/names.git', path)
  await assert.rejects(findCommit({ url }, own), { code: 'repo-unreachable' })
  const there = await readdir(own.home)
  assert.deepEqual(
    there.filter((name) => name.includes('ran')),
    [],
  )
  await assert.rejects(access(join(own.places.clone, 'ran')))
})

test('more than the limits is refused before it is written', async () => {
  const repository = await host.create('large')
  const files = Object.fromEntries(
    Array.from({ length: 30 }, (_, i) => [`f${i}`, 'x'.repeat(1_000)]),
  )
  await repository.commit(files)
  const few = await options({ unpackedMaxEntries: 20 })
  await assert.rejects(fetchTree(repository.url, few), {
    code: 'upload-too-large',
    message: /20 files/,
  })
  await assert.rejects(access(join(few.places.clone, 'f1')))
  const small = await options({ unpackedMaxBytes: 20_000 })
  await assert.rejects(fetchTree(repository.url, small), {
    code: 'upload-too-large',
    message: /20000 bytes/,
  })
  const noise = Buffer.from(Array.from({ length: 200_000 }, () => Math.floor(Math.random() * 256)))
  await repository.commit({ noise: noise.toString('base64') })
  const tiny = await options({ maxBytes: 50_000 })
  await assert.rejects(fetchTree(repository.url, tiny), { code: 'upload-too-large' })
})

test('a clone that a killed fetch left behind is made anew', async () => {
  const repository = await host.create('broken')
  await repository.commit({ a: '1' })
  const own = await options()
  await fetchTree(repository.url, own)
  await repository.commit({ a: '2' })
  await writeFile(join(own.places.clone, '.git', 'shallow.lock'), '')
  const { target } = await fetchTree(repository.url, own)
  assert.equal(await readFile(join(target, 'a'), 'utf8'), '2')
})

test('hooks, filters and config of the repository or of a home directory run nothing', async () => {
  const repository = await host.create('hooks')
  const marker = join(base, 'ran')
  await repository.commit({ '.gitattributes': '* filter=evil\n', a: 'a' })
  const own = await options()
  await writeFile(join(own.home, '.gitconfig'), `[filter "evil"]\n\tsmudge = touch ${marker}\n`)
  await fetchTree(repository.url, own)
  const hook = join(own.places.clone, '.git', 'hooks', 'post-checkout')
  await mkdir(join(own.places.clone, '.git', 'hooks'), { recursive: true })
  await writeFile(hook, `#!/bin/sh\ntouch ${marker}\n`, { mode: 0o755 })
  await repository.commit({ a: 'b' })
  await fetchTree(repository.url, own)
  await assert.rejects(access(marker))
})

test('an archive that was swapped for a link is not read', async () => {
  const repository = await host.create('swapped')
  await repository.commit({ a: 'a' })
  const own = await options()
  const swapping: RunCommand = async (job) => {
    const end = await run(job)
    if (!job.command.includes('tar -czf')) return end
    await rm(own.places.archive)
    await symlink('/etc/passwd', own.places.archive)
    return end
  }
  await assert.rejects(fetchTree(repository.url, { ...own, run: swapping }), /ELOOP|replaced/)
})

test('a fetch that takes too long ends, and says so', async () => {
  const repository = await host.create('slow')
  await repository.commit({ a: 'a' })
  const own = await options({ timeoutMs: 300 })
  const found = await findCommit({ url: repository.url }, own)
  const slow: RunCommand = (job) => run({ ...job, command: 'exec sleep 60' })
  await assert.rejects(fetchRepository(found, { ...own, run: slow }), {
    code: 'repo-unreachable',
    message: /not fetched in 300 ms/,
  })
})
