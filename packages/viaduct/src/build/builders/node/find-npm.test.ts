import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { findNpm, isReachable, withoutCredentials } from './find-npm.ts'

const limit = { timeout: 60_000 }
let root = ''
before(async () => {
  root = await mkdtemp(join(tmpdir(), 'viaduct-npm-'))
  await chmod(root, 0o755)
})
after(() => rm(root, { recursive: true, force: true }))

/** An npm as a package manager installs it; it answers the one question it is asked. */
async function installNpm(name: string, config: Record<string, unknown>): Promise<string> {
  const npm = join(root, name, 'lib/node_modules/npm')
  await mkdir(join(npm, 'bin'), { recursive: true })
  await mkdir(join(root, name, 'bin'))
  await writeFile(join(npm, 'package.json'), '{"version": "11.0.7", "engines": {"node": ">=20"}}')
  await writeFile(
    join(npm, 'bin/npm-cli.js'),
    `console.log(${JSON.stringify(JSON.stringify(config))})`,
  )
  await symlink('../lib/node_modules/npm/bin/npm-cli.js', join(root, name, 'bin/npm'))
  return join(root, name, 'bin')
}

test(
  'npm is found along PATH, with the way to the registry but no credentials',
  limit,
  async () => {
    const binDir = await installNpm('one', {
      registry: 'https://user:secret@npm.test/path/',
      'https-proxy': 'http://me:pw@proxy.test:3128/',
      proxy: null,
      '//npm.test/:_authToken': 'secret',
      'strict-ssl': true,
      cache: '/root/.npm',
    })
    const env = {
      PATH: `relative:/nowhere:${binDir}`,
      NODE_EXTRA_CA_CERTS: '/etc/ca.pem',
      SECRET: 'x',
    }
    const npm = await findNpm({ node: process.execPath, env, forOtherUsers: true })
    assert.deepEqual(npm, {
      cli: join(root, 'one/lib/node_modules/npm/bin/npm-cli.js'),
      binDir,
      version: '11.0.7',
      runsOn: '>=20',
      settings: {
        npm_config_registry: 'https://npm.test/path/',
        npm_config_https_proxy: 'http://proxy.test:3128/',
        npm_config_strict_ssl: 'true',
        NODE_EXTRA_CA_CERTS: '/etc/ca.pem',
      },
    })
  },
)

test('an npm that other users cannot read is passed over', limit, async () => {
  const binDir = await installNpm('private', {})
  await chmod(join(root, 'private'), 0o700)
  const options = { node: process.execPath, env: { PATH: binDir } }
  assert.equal(await findNpm({ ...options, forOtherUsers: true }), null)
  assert.equal((await findNpm({ ...options, forOtherUsers: false }))?.binDir, binDir)
  assert.equal(await isReachable(join(binDir, 'npm')), false)
})

test('without any npm there is none', limit, async () => {
  assert.equal(await findNpm({ node: process.execPath, env: {}, forOtherUsers: false }), null)
})

test('only credentials are taken out of an address', () => {
  const cases = [
    'https://a:b@host/x',
    'https://host/x',
    '/etc/ca.pem',
    'localhost,10.0.0.0/8',
    'true',
  ]
  assert.deepEqual(cases.map(withoutCredentials), ['https://host/x', ...cases.slice(1)])
})
