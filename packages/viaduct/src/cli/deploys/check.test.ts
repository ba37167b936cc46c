import assert from 'node:assert/strict'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { openTestApi, until } from '../../api/open-test-api.suite.ts'
import { type CliHome, openCliHome } from '../cli.suite.ts'

let cli: CliHome
before(async () => {
  cli = await openCliHome()
})
after(() => cli[Symbol.asyncDispose]())

const wrong = {
  Procfile: '\uFEFFweb: node server.js\r\nweb: again\r\nnonsense\r\n',
  'viaduct.json':
    '{\n  "name": "Shop",\n  "scal": {},\n  "cron": [{ "schedule": "0 0 31 2 *" }]\n}',
  'app.json': '{ "env": { "KEY": {} }, "addons": [] }',
  'package.json': '{\n  "scripts": 3\n}',
  '.env': 'A=1\nB\n',
}

test('check shows every mistake with file and line, and what was detected', async () => {
  const folder = await cli.folderOf('wrong', wrong)
  const { code, stdout, stderr } = await cli.run(['check', folder])
  assert.equal(code, 1)
  assert.equal(stderr, '')
  const places = [...stdout.matchAll(/^(\S+:\d+) {2}(error|warning)/gm)].map(([, place, level]) => {
    return `${place} ${level}`
  })
  assert.deepEqual(places, [
    'Procfile:2 error',
    'Procfile:3 error',
    'package.json:2 error',
    'viaduct.json:2 error',
    'viaduct.json:3 error',
    'viaduct.json:4 error',
    '.env:2 error',
    'app.json:1 warning',
  ])
  assert.match(stdout, /^app +wrong$/m)
  assert.match(stdout, /^needs config +KEY$/m)
  assert.match(stdout, /"scal" is not a known key: did you mean "scale"\?$/m)
  assert.match(stdout, /7 mistakes, 1 warning /)
})

test('check of a folder that is right exits 0, also where only the server knows the rest', async (t) => {
  const folder = await cli.folderOf('right', {
    Procfile: 'web: node server.js\n',
    'viaduct.json': '{ "env": { "KEY": { "required": true } }, "routes": ["web"] }',
    '.gitignore': '.env\n',
    '.env': 'KEY=1\nnot for the server',
  })
  const { code, stdout } = await cli.run(['check', '--json'], { cwd: folder })
  assert.equal(code, 0, stdout)
  const { tookMs, ...report } = JSON.parse(stdout) as { tookMs: number; directory: string }
  assert.deepEqual(report, {
    ok: true,
    app: 'right',
    directory: folder,
    builders: [
      { builder: 'procfile', reasons: ['Procfile is there, and nothing that tells the language'] },
    ],
    processes: { web: 'node server.js' },
    requiredConfig: ['KEY'],
    findings: [],
  })
  t.diagnostic(`detected and checked in ${tookMs.toFixed(1)} ms; wanted: at most 50`)
})

test('check finds a link that leaves the folder, which no upload takes', async () => {
  const folder = await cli.folderOf('linked', { Procfile: 'web: a\nweb: b\n' })
  await symlink('/etc/hostname', join(folder, 'out'))
  const { code, stdout } = await cli.run(['check', folder])
  assert.equal(code, 1)
  assert.match(stdout, /^Procfile:2 {2}error/m)
  assert.match(stdout, /^error {2}.*\bout\b/m)
})

test('check of what is no app says what is missing', async () => {
  const nothing = await cli.run(['check', join(cli.home, 'nowhere')])
  assert.equal(nothing.code, 2)
  assert.match(nothing.stderr, /There is no folder/)
  const empty = await cli.run(['check', await cli.folderOf('empty', {})])
  assert.equal(empty.code, 2)
  assert.match(empty.stderr, /has none of package\.json, .*Procfile/)
})

test('deploy refuses what check would, before it sends anything', async () => {
  const folder = await cli.folderOf('unsent', wrong)
  // Nobody listens there: an upload would fail otherwise.
  const environment = { VIADUCT_URL: 'http://127.0.0.1:9', VIADUCT_TOKEN: 't'.repeat(43) }
  const refused = await cli.run(['deploy', folder, '--app', 'unsent'], { env: environment })
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /Procfile line 2: "web" is already on line 1/)
  assert.match(refused.stderr, /There are 6 mistakes more. "viaduct check" shows them all/)
  const sent = await cli.run(['deploy', folder, '--app', 'unsent', '--no-check'], {
    env: environment,
  })
  assert.equal(sent.code, 5, sent.stderr)
})

test('deploy takes a folder that is right with what the server was told', async () => {
  const folder = await cli.folderOf('told', { Procfile: 'api: node server.js\n' })
  await using api = await openTestApi()
  const env = { VIADUCT_URL: api.url, VIADUCT_TOKEN: api.token }
  const refused = await cli.run(['deploy', folder], { env })
  assert.equal(refused.code, 2)
  assert.match(refused.stderr, /The Procfile has no "web" process/)
  await api.client.apps.create({ name: 'told', routes: ['api'] })
  const sent = cli.run(['deploy', folder], { env })
  const deploys = async () => api.client.deploys.list('told')
  await until(async () => (await deploys()).length > 0)
  api.engine.finish('told', (await deploys())[0]?.id ?? '', 'succeeded')
  assert.equal((await sent).code, 0)
})
