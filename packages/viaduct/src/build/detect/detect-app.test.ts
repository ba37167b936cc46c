import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { detectApp, inspectApp } from './detect-app.ts'

test('a folder whose files are served lies in the tree, whatever links its path has', async () => {
  const root = await mkdtemp(join(tmpdir(), 'detect-'))
  const tree = join(root, 'tree')
  await mkdir(join(tree, 'dist/site'), { recursive: true })
  await mkdir(join(root, 'elsewhere/site'), { recursive: true })
  await symlink('dist/site', join(tree, 'inside'))
  await symlink('dist', join(tree, 'below'))
  await symlink('../elsewhere', join(tree, 'outside'))
  await symlink(join(root, 'later'), join(tree, 'dangling'))
  const detect = async (folder: string): Promise<unknown> => {
    await writeFile(join(tree, 'Procfile'), `web: node x.js\nstatic: ${folder}\n`)
    return await detectApp(tree)
  }
  for (const folder of ['dist', 'dist/site', 'inside', 'below/site', 'missing/site']) {
    await detect(folder)
  }
  for (const folder of ['outside', 'outside/site', 'dangling', 'dangling/site']) {
    const error = { code: 'bad-manifest', message: `${folder} is not a folder of the app` }
    await assert.rejects(detect(folder), error)
  }
  await rm(root, { recursive: true })
})

async function treeOf(files: Record<string, string>): Promise<string> {
  const tree = await mkdtemp(join(tmpdir(), 'detect-'))
  for (const [name, text] of Object.entries(files)) await writeFile(join(tree, name), text)
  return tree
}

test('viaduct.json is stronger than app.json, and what the API was told than both', async () => {
  const tree = await treeOf({
    Procfile: 'web: a\nworker: b\n',
    'app.json': JSON.stringify({
      name: 'From App',
      env: { A: '1', B: '1', C: '1' },
      formation: { web: { quantity: 3 }, worker: { quantity: 3 } },
      cron: [{ command: 'worker', schedule: '@daily' }],
    }),
    'viaduct.json': JSON.stringify({ env: { B: '2', C: '2' }, scale: { web: 2 } }),
  })
  const { manifest } = await detectApp(tree, { env: { C: '3' } })
  assert.deepEqual(manifest, {
    version: 1,
    name: 'from-app',
    env: { A: '1', B: '2', C: '3' },
    scale: { web: 2, worker: 3 },
    cron: [{ process: 'worker', schedule: '@daily' }],
  })
  await rm(tree, { recursive: true })
})

test('every mistake of every file is found at once; a deploy fails with the first one', async () => {
  const tree = await treeOf({
    Procfile: 'web: a\nweb: b\n',
    'viaduct.json': '{\n  "scal": 1,\n  "port": 0,\n  "scale": { "wroker": 1 }\n}',
    'app.json': '{"env": {"A": 1}}',
    '.env': 'A=1\nB\nA=2',
    'package.json': '{"scripts": []}',
  })
  const { app, errors } = await inspectApp(tree)
  const places = errors.map(({ data }) => `${String(data['file'])}:${String(data['line'])}`)
  const json = ['viaduct.json:2', 'viaduct.json:3']
  assert.deepEqual(places, ['Procfile:2', 'package.json:1', ...json, 'app.json:1', '.env:2'])
  assert.deepEqual(app.warnings, [{ file: '.env', line: 3, message: '"A" is already on line 1' }])
  const first = {
    code: 'bad-procfile',
    hint: 'There are 5 mistakes more. "viaduct check" shows them all.',
  }
  await assert.rejects(detectApp(tree), first)
  await writeFile(join(tree, 'Procfile'), 'web: a')
  await writeFile(join(tree, 'package.json'), '{}')
  const { errors: now } = await inspectApp(tree)
  assert.match(
    now.map(({ message }) => message).join('\n'),
    /line 4: "scale.wroker" names no process/,
  )
  await rm(tree, { recursive: true })
})

test('what the API was told names types that the app has', async () => {
  const tree = await treeOf({ Procfile: 'web: a\nclock: b\n' })
  await detectApp(tree, { cron: [{ schedule: '@daily', process: 'clock' }], scale: { web: 2 } })
  const told = [
    { scale: { clok: 1 } },
    { overlap: { clok: false } },
    { routes: ['clok'] },
    { cron: [{ schedule: '@daily', process: 'clok' }] },
  ]
  for (const each of told) {
    const error = { code: 'bad-manifest', hint: 'Did you mean "clock"?' }
    await assert.rejects(detectApp(tree, each), error, JSON.stringify(each))
  }
  await rm(tree, { recursive: true })
})

test('files that are too large, folders, and links out of the tree are mistakes, by name', async () => {
  const big = ' '.repeat(10_000_000)
  const tree = await treeOf({ Procfile: big, 'viaduct.json': big, 'app.json': big })
  await mkdir(join(tree, 'package.json'))
  await symlink('/etc/passwd', join(tree, '.env'))
  const { errors } = await inspectApp(tree)
  assert.deepEqual(errors.map(({ message }) => message).sort(), [
    '.env is not a file of the app',
    'Procfile is larger than 1048576 bytes',
    'app.json is larger than 1048576 bytes',
    'package.json is not a file of the app',
    'viaduct.json is larger than 1048576 bytes',
  ])
  await rm(tree, { recursive: true })
})
