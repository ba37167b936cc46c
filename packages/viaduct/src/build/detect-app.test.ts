import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { detectApp } from './detect-app.ts'

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
