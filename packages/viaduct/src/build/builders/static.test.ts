import assert from 'node:assert/strict'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { asApp, sourceOf, TestBuilds } from '../fixtures/test-builds.ts'

let builds: TestBuilds
before(async () => {
  builds = await TestBuilds.open()
})
beforeEach(() => builds.renew())
after(() => builds[Symbol.asyncDispose]())

const limit = { timeout: 60_000 }
const index = { 'index.html': '<h1>Hello</h1>\n' }

test('what a site serves lies apart from what is about the app', limit, async () => {
  const secret = JSON.stringify({ env: { KEY: 'secret' } })
  const files = { ...index, 'css/x.css': '', 'viaduct.json': secret, '.env': 'A=1\n' }
  const hidden = { '.git/config': '', '.well-known/security.txt': 'x\n' }
  const { path, manifest, processes, steps } = await builds.build({ ...files, ...hidden })
  assert.deepEqual(manifest.static, ['.viaduct-site'])
  assert.deepEqual({ ...processes }, {})
  assert.deepEqual(steps, [])
  const served = (await readdir(join(path, '.viaduct-site'))).toSorted()
  assert.deepEqual(served, ['.well-known', 'css', 'index.html'])
  assert.equal(asApp(path, 'cat .viaduct-site/index.html'), index['index.html'])
  const again = await builds.build({ ...files, ...hidden })
  assert.equal(again.dependencies, 'reused')
  assert.deepEqual(again.manifest.static, ['.viaduct-site'])
})

test('what install commands make is served, too', limit, async () => {
  const install = ['cp index.html made.html']
  const { path } = await builds.build({ ...index, 'viaduct.json': JSON.stringify({ install }) })
  assert.deepEqual((await readdir(join(path, '.viaduct-site'))).toSorted(), [
    'index.html',
    'made.html',
  ])
})

test('folders of the manifest are served as they are', limit, async () => {
  const files = { ...index, 'public/index.html': 'x', 'viaduct.json': '{"static": "public"}' }
  const { path, manifest } = await builds.build(files)
  assert.deepEqual(manifest.static, ['public'])
  assert.deepEqual((await readdir(path)).toSorted(), ['index.html', 'public', 'viaduct.json'])
  const { 'index.html': _no, ...only } = files
  const bare = await builds.build(only, { source: sourceOf(only, 'b'.repeat(64)) })
  assert.deepEqual(bare.manifest.static, ['public'])
})

test('a build script makes what is served', limit, async () => {
  const scripts = { build: 'mkdir dist && echo built > dist/index.html' }
  const files = { ...index, 'package.json': JSON.stringify({ scripts }) }
  const { path, manifest, processes } = await builds.build({
    ...files,
    'viaduct.json': '{"static": "dist"}',
  })
  assert.deepEqual([manifest.static, { ...processes }], [['dist'], {}])
  assert.equal(asApp(path, 'cat dist/index.html'), 'built\n')
})

test('index.html beside a way to start is a file of the app', limit, async () => {
  const { manifest, processes } = await builds.build({ ...index, Procfile: 'web: true\n' })
  assert.equal(manifest.static, undefined)
  assert.deepEqual({ ...processes }, { web: 'true' })
  const node = builds.build({ ...index, 'package.json': '{}' })
  await assert.rejects(node, { code: 'no-web-process' })
})

test('a name that the build needs is refused', limit, async () => {
  await assert.rejects(builds.build({ ...index, '.viaduct-site/x': '' }), {
    code: 'bad-manifest',
    message: '.viaduct-site is a name that the build needs',
  })
})
