import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmod, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { syncTree } from './sync-tree.ts'

let dir = ''
let tree = ''
before(async () => {
  dir = await mkdtemp(join(tmpdir(), 'viaduct-sync-'))
  tree = join(dir, 'tree')
  await mkdir(join(tree, 'below'), { recursive: true })
  await writeFile(join(tree, 'below', 'file'), 'x'.repeat(100_000), { mode: 0o444 })
  await symlink('nowhere', join(tree, 'link'))
})
after(() => rm(dir, { recursive: true }))

/** A `sync` that notes what it was asked for, and ends with `code`. */
async function fakeSync(code: number): Promise<{ command: string; asked: () => Promise<string> }> {
  const command = join(dir, `sync-${code}`)
  await writeFile(command, `#!/bin/sh\necho "$@" > ${command}.asked\nexit ${code}\n`)
  await chmod(command, 0o755)
  return { command, asked: () => readFile(`${command}.asked`, 'utf8') }
}

test('the system is asked to sync the file system of the tree', async () => {
  const { command, asked } = await fakeSync(0)
  await syncTree(tree, { command })
  assert.equal(await asked(), `-f ${tree}\n`)
})

test('the sync of this system knows -f', () => {
  execFileSync('sync', ['-f', tree])
})

test('without it, or with one that knows no -f, each file and folder is synced', async () => {
  const { command } = await fakeSync(1)
  await syncTree(tree, { command })
  await syncTree(tree, { command: join(dir, 'none') })
  // Nothing to sync there: each file was opened, or this would not be seen.
  await assert.rejects(syncTree(join(tree, 'gone'), { command }), { code: 'ENOENT' })
})
