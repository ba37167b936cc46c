import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { type CliHome, openCliHome } from '../cli.suite.ts'

let cli: CliHome
before(async () => {
  cli = await openCliHome()
})
after(() => cli[Symbol.asyncDispose]())

const facts = {
  name: 'shop',
  engines: { node: '>=20 <23' },
  packageManager: 'pnpm@10.4.1',
  scripts: { start: 'node server.js', build: 'vite build' },
  dependencies: { a: '1' },
  devDependencies: { b: '1' },
}
const files = {
  'package.json': JSON.stringify(facts),
  'pnpm-lock.yaml': "lockfileVersion: '9.0'\n",
  'viaduct.json': '{ "install": ["make icons"] }',
  Procfile: 'worker: node worker.js\n',
}

test('build --explain says what runs, in which order, and because of what', async () => {
  const folder = await cli.folderOf('shop', files)
  const { code, stdout } = await cli.run(['build', '--explain', folder])
  assert.equal(code, 0)
  assert.equal(
    stdout,
    `builder  node: package.json is there; pnpm-lock.yaml is there: pnpm installs
Node.js  >=20 <23 (engines.node)
pnpm     10.4.1 (packageManager)
install  pnpm install --frozen-lockfile --prod=false  (node)
command  make icons  (install of the manifest)
build    pnpm run build  (node)
prune    pnpm prune --prod  (node)
worker   node worker.js  (Procfile)
web      node server.js  (node)
`,
  )
  const json = JSON.parse((await cli.run(['build', '--explain', folder, '--json'])).stdout)
  assert.equal(json.builders[0].tools.pnpm, '10.4.1 (packageManager)')
  assert.deepEqual(json.processes[1], { type: 'web', command: 'node server.js', builder: 'node' })
})

test('two lock files, and a package manager that is not that of the lock file, are named', async () => {
  const two = await cli.folderOf('two', { ...files, 'yarn.lock': '' })
  const first = await cli.run(['build', '--explain', two])
  assert.equal(first.code, 2)
  assert.match(first.stderr, /lock files of 2 package managers: pnpm-lock\.yaml, yarn\.lock/)
  const other = JSON.stringify({ ...facts, packageManager: 'npm@11.0.0' })
  const second = await cli.run([
    'build',
    '--explain',
    await cli.folderOf('other', { ...files, 'package.json': other }),
  ])
  assert.match(second.stderr, /"packageManager" is npm, but pnpm-lock\.yaml is pnpm's/)
})

test('a build itself runs on the server only', async () => {
  const { code, stderr } = await cli.run(['build', '.'])
  assert.equal(code, 2)
  assert.match(stderr, /Builds run on the server.*\n.*viaduct build --explain/)
})
