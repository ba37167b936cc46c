/**
 * Archives that want to get out of their folder, and uploads that break off, through the real API:
 * the answer names the entry, the old release serves on, and no file is left of them.
 */
import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { connect, type Socket } from 'node:net'
import { after, before, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { parseAppName } from '../../../packages/viaduct/src/model/ids.ts'
import { dataLayout } from '../../../packages/viaduct/src/model/layout.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import { copyFixture, type FixtureApp } from '../harness/fixture-app.ts'
import { type RawEntry, rawTar } from '../harness/raw-tar.ts'
import { type Platform, startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

let platform: Platform
let app: FixtureApp
let files: readonly string[]

before(async () => {
  platform = await startPlatform({ proxies: 1 })
  app = await copyFixture('good')
  await platform.run('deploy', app.path)
  files = await listFiles()
})
after(async () => {
  await app[Symbol.asyncDispose]()
  await platform[Symbol.asyncDispose]()
})

/** Every name that an upload could leave behind. */
async function listFiles(): Promise<string[]> {
  const layout = dataLayout(platform.dataDir)
  const { artifacts, tmp } = layout.app(parseAppName('good'))
  const names = await Promise.all([artifacts, tmp, layout.uploads].map((dir) => readdir(dir)))
  return [...names.flat(), ...(await readdir(platform.dataDir))].toSorted()
}

async function send(archive: Buffer): Promise<{ status: number; problem: Problem }> {
  const answer = await fetch(`${platform.apiUrl}/applications/good/deploys?wait=ready`, {
    method: 'POST',
    headers: { 'x-auth-token': platform.token, 'content-type': 'application/gzip' },
    body: new Uint8Array(archive),
  })
  return { status: answer.status, problem: (await answer.json()) as Problem }
}

interface Problem {
  readonly code: string
  readonly detail: string
  readonly hint: string
  readonly data: { readonly entry?: string }
}

async function assertUntouched(): Promise<void> {
  const answer = await fetchApp(platform.url('good'))
  assert.equal(answer.status, 200)
  assert.equal(answer.headers['x-release'], 'v1')
  await until(async () => (await listFiles()).join() === files.join(), { what: 'nothing is left' })
}

const procfile: RawEntry = { path: 'Procfile', body: 'web: node server.js\n' }
const escaping: Readonly<Record<string, RawEntry>> = {
  'a path with ..': { path: '../escaped-viaduct-test' },
  'a path with .. inside': { path: 'a/../../escaped-viaduct-test' },
  'an absolute path': { path: '/tmp/escaped-viaduct-test' },
  'a link to a file above': { path: 'link', type: '2', linkpath: '../../../admin-token' },
  'a link to an absolute path': { path: 'link', type: '2', linkpath: '/etc/passwd' },
  'a hard link to a file outside': { path: 'hard', type: '1', linkpath: '../../x' },
  'a character device': { path: 'device', type: '3' },
  'a block device': { path: 'disk', type: '4' },
  'a FIFO': { path: 'fifo', type: '6' },
}

for (const [name, entry] of Object.entries(escaping)) {
  test(`an archive with ${name} is refused, and the answer names the entry`, async () => {
    const { status, problem } = await send(gzipSync(rawTar(procfile, entry)))
    assert.equal(status, 422, JSON.stringify(problem))
    assert.equal(problem.code, 'bad-upload')
    assert.equal(problem.data.entry, entry.path)
    assert.ok(problem.detail.includes(JSON.stringify(entry.path)), problem.detail)
    assert.equal(existsSync('/tmp/escaped-viaduct-test'), false)
    await assertUntouched()
  })
}

test('an archive that writes through a link of its own is refused', async () => {
  const entries: RawEntry[] = [
    { path: 'way', type: '2', linkpath: '.' },
    { path: 'way/file', body: 'x' },
  ]
  const { status, problem } = await send(gzipSync(rawTar(procfile, ...entries)))
  assert.equal(status, 422)
  assert.match(problem.detail, /"?way/)
  await assertUntouched()
})

test('archives that are cut short, no gzip, no tar, empty or a bomb are refused', async () => {
  const whole = await app.pack()
  const bomb = rawTar(procfile, { path: 'zeros', body: Buffer.alloc(64 * 1024 * 1024) })
  const archives: Readonly<Record<string, [Buffer, RegExp]>> = {
    'cut short': [whole.subarray(0, whole.length - 40), /cut|short|end|incomplete|archive/i],
    'no gzip': [randomBytes(3_000), /gzip/i],
    'no tar': [gzipSync(randomBytes(3_000)), /tar|archive/i],
    empty: [Buffer.alloc(0), /./],
    'a bomb': [gzipSync(bomb), /zeros|times|ratio|larger/i],
  }
  for (const [name, [archive, says]] of Object.entries(archives)) {
    const { status, problem } = await send(archive)
    assert.equal(status, 422, `${name}: ${JSON.stringify(problem)}`)
    assert.equal(problem.code, 'bad-upload', name)
    assert.match(problem.detail, says, name)
    assert.ok(problem.hint.length > 0, name)
    await assertUntouched()
  }
})

async function beginUpload(name: string): Promise<Socket> {
  const socket = connect(platform.apiPort, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write(
    `POST /applications/${name}/deploys HTTP/1.1\r\nHost: 127.0.0.1\r\n` +
      `X-Auth-Token: ${platform.token}\r\nContent-Type: application/gzip\r\n` +
      'Content-Length: 1000000\r\n\r\n',
  )
  socket.write(await app.pack())
  const { uploads } = dataLayout(platform.dataDir)
  await until(async () => (await readdir(uploads)).length === 1)
  return socket
}

test('a client that leaves in the middle of an upload leaves no file and no app', async () => {
  for (const name of ['good', 'never-seen']) {
    const socket = await beginUpload(name)
    socket.destroy()
    await assertUntouched()
  }
  assert.deepEqual(
    (await platform.client.apps.list()).map(({ name }) => name),
    ['good'],
  )
})

test('a daemon that is killed in the middle of an upload leaves no file', async () => {
  const socket = await beginUpload('good')
  process.kill(await platform.daemonPid(), 'SIGKILL')
  await until(() => platform.client.healthy())
  socket.destroy()
  await assertUntouched()
  assert.equal((await send(await app.pack())).status, 201, 'The next upload works')
})
