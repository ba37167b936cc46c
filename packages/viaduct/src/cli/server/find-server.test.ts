import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, test } from 'node:test'
import { dataLayout } from '../../model/layout.ts'
import { findServer } from './find-server.ts'
import { apiUrl, forgetLocalServer, recordLocalServer } from './local-server.ts'
import { loginPath, readLogins, saveLogin } from './login-file.ts'

const names = ['HOME', 'XDG_CONFIG_HOME', 'VIADUCT_URL', 'VIADUCT_TOKEN'] as const
const kept = Object.fromEntries(names.map((name) => [name, process.env[name]]))
let home = ''
let dataDir = ''

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'viaduct-home-'))
  dataDir = join(home, 'data')
  for (const name of names) delete process.env[name]
  process.env['HOME'] = home
})

afterEach(async () => {
  for (const name of names) {
    if (kept[name] === undefined) delete process.env[name]
    else process.env[name] = kept[name]
  }
  await rm(home, { recursive: true })
})

async function makeLocalServer(apiPort: number): Promise<void> {
  const layout = dataLayout(dataDir)
  await mkdir(layout.run, { recursive: true })
  await writeFile(layout.settings, JSON.stringify({ apiHost: '127.0.0.1', apiPort }))
  await writeFile(layout.adminToken, 'local-token\n')
}

test('without any hint there is no server, and the error says what to do', async () => {
  await assert.rejects(findServer({ dataDirs: [dataDir] }), { code: 'no-server', exitCode: 5 })
})

test('the local server is found by its data directory, with its token', async () => {
  await makeLocalServer(8123)
  assert.deepEqual(await findServer({ dataDirs: [dataDir] }), {
    url: 'http://127.0.0.1:8123',
    token: 'local-token',
  })
})

test('a local server that recorded itself is found wherever its data are', async () => {
  await makeLocalServer(8123)
  await recordLocalServer({ url: 'http://127.0.0.1:8123', dataDir, pid: process.pid })
  assert.equal((await findServer({ dataDirs: [] })).token, 'local-token')
  await forgetLocalServer(process.pid + 1)
  assert.equal((await findServer({ dataDirs: [] })).token, 'local-token')
  await forgetLocalServer(process.pid)
  await assert.rejects(findServer({ dataDirs: [] }), { code: 'no-server' })
})

test('the record of a process that is gone counts for nothing', async () => {
  await makeLocalServer(8123)
  await recordLocalServer({ url: 'http://127.0.0.1:8123', dataDir, pid: 2 ** 22 + 1 })
  await assert.rejects(findServer({ dataDirs: [] }), { code: 'no-server' })
})

test('a saved login is private, and comes before the local server', async () => {
  await makeLocalServer(8123)
  await saveLogin('https://deploy.example.com', { token: 'saved', insecure: false })
  assert.equal((await stat(loginPath())).mode & 0o777, 0o600)
  const server = await findServer({ dataDirs: [dataDir] })
  assert.deepEqual(server, { url: 'https://deploy.example.com', token: 'saved' })
})

test('the environment comes before a login, and --to before the environment', async () => {
  await saveLogin('https://deploy.example.com', { token: 'saved', insecure: false })
  process.env['VIADUCT_URL'] = 'https://other.example.com'
  process.env['VIADUCT_TOKEN'] = 'from-environment'
  assert.deepEqual(await findServer({ dataDirs: [] }), {
    url: 'https://other.example.com',
    token: 'from-environment',
  })
  const asked = await findServer({ to: '127.0.0.1', dataDirs: [] })
  assert.equal(asked.url, 'http://127.0.0.1:8700')
})

test('--to finds the token that was saved for that server, ours or trajan’s', async () => {
  await saveLogin('http://127.0.0.1:8700', { token: 'ours', insecure: false })
  const trajan = { '127.0.0.1:9002': 'theirs', 'localhost:9002': 'by-default-port' }
  await writeFile(join(home, '.trajan'), JSON.stringify(trajan))
  const tokenOf = async (to: string): Promise<string> =>
    (await findServer({ to, dataDirs: [] })).token
  assert.equal(await tokenOf('127.0.0.1'), 'ours')
  assert.equal(await tokenOf('127.0.0.1:9002'), 'theirs')
  assert.equal(await tokenOf('localhost'), 'by-default-port')
  await assert.rejects(tokenOf('127.0.0.1:9'), { code: 'unauthorized', exitCode: 3 })
})

test('a token never travels over http to another machine, unless that is asked for', async () => {
  process.env['VIADUCT_TOKEN'] = 'secret'
  const to = 'http://deploy.example.com'
  await assert.rejects(findServer({ to, dataDirs: [] }), { code: 'insecure-server' })
  assert.equal((await findServer({ to, insecure: true, dataDirs: [] })).token, 'secret')
})

test('a login file that is damaged or newer is said, not overwritten', async () => {
  await mkdir(join(home, '.config/viaduct'), { recursive: true })
  await writeFile(loginPath(), '{ "schema": 1, ')
  await assert.rejects(saveLogin('https://x', { token: 't', insecure: false }), {
    code: 'data-damaged',
  })
  await writeFile(loginPath(), '{ "schema": 2, "servers": {} }')
  await assert.rejects(readLogins(), { code: 'data-newer' })
})

test('a login over http is used only where that was agreed to, for --to and without it', async () => {
  const url = 'http://deploy.example.com'
  await saveLogin(url, { token: 'saved', insecure: false })
  await assert.rejects(findServer({ dataDirs: [] }), { code: 'insecure-server' })
  await assert.rejects(findServer({ to: url, dataDirs: [] }), { code: 'insecure-server' })
  await saveLogin(url, { token: 'saved', insecure: true })
  assert.equal((await findServer({ dataDirs: [] })).token, 'saved')
  assert.equal((await findServer({ to: url, dataDirs: [] })).token, 'saved')
})

test('the token of the local server goes to it alone', async () => {
  await makeLocalServer(8123)
  const dataDirs = [dataDir]
  assert.equal((await findServer({ to: 'localhost:8123', dataDirs })).token, 'local-token')
  for (const to of ['https://deploy.example.com:8123', '127.0.0.1:8124']) {
    await assert.rejects(findServer({ to, dataDirs }), { code: 'unauthorized' }, to)
  }
})

test('VIADUCT_TOKEN comes before the tokens of a login and of the local server', async () => {
  await makeLocalServer(8123)
  process.env['VIADUCT_TOKEN'] = 'given'
  assert.equal((await findServer({ dataDirs: [dataDir] })).token, 'given')
  await saveLogin('https://deploy.example.com', { token: 'saved', insecure: false })
  assert.equal((await findServer({ dataDirs: [dataDir] })).token, 'given')
})

test('a second login leaves the first, and XDG_CONFIG_HOME says where they are', async () => {
  process.env['XDG_CONFIG_HOME'] = join(home, 'xdg')
  await saveLogin('https://a.example.com', { token: 'a', insecure: false })
  await saveLogin('https://b.example.com', { token: 'b', insecure: false })
  assert.equal(loginPath(), join(home, 'xdg/viaduct/login.json'))
  const { current, servers } = await readLogins()
  assert.deepEqual([current, Object.keys(servers).length], ['https://b.example.com', 2])
  assert.equal((await findServer({ to: 'https://a.example.com', dataDirs: [] })).token, 'a')
})

test('a login file that cannot be read is said, as is a port that is not known yet', async () => {
  await makeLocalServer(0)
  await assert.rejects(findServer({ dataDirs: [dataDir] }), { code: 'no-server' })
  await mkdir(loginPath(), { recursive: true })
  await assert.rejects(readLogins(), { code: 'data-damaged' })
})

test('this machine reaches an API at an address that leads to it', () => {
  const hosts = ['0.0.0.0', '', '::', '::1', '10.0.0.7']
  assert.deepEqual(
    hosts.map((host) => new URL(apiUrl(host, 8123)).hostname),
    ['127.0.0.1', '127.0.0.1', 'localhost', '[::1]', '10.0.0.7'],
  )
})
