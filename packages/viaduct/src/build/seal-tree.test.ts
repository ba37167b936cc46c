import assert from 'node:assert/strict'
import { chown, mkdir, mkdtemp, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import { type Owner, removeTree, sealTree } from './seal-tree.ts'

const root = await mkdtemp(join(tmpdir(), 'viaduct-seal-'))
after(() => rm(root, { recursive: true }))

async function makeTree(name: string, owner: Owner): Promise<string> {
  const tree = join(root, name)
  await mkdir(join(tree, 'bin'), { recursive: true })
  await writeFile(join(tree, 'bin/run'), '', { mode: 0o755 })
  await writeFile(join(tree, 'text'), '', { mode: 0o666 })
  if (owner) {
    for (const path of ['', 'bin', 'bin/run', 'text']) {
      await chown(join(tree, path), owner.uid, owner.gid)
    }
  }
  return tree
}

async function modes(tree: string): Promise<string[]> {
  const paths = ['bin', 'bin/run', 'text']
  return await Promise.all(
    paths.map(async (path) => ((await stat(join(tree, path))).mode & 0o7777).toString(8)),
  )
}

test('a tree of the platform’s own user is read-only, and can still be removed', async () => {
  const tree = await makeTree('own', null)
  await sealTree(tree, null)
  assert.deepEqual(await modes(tree), ['555', '555', '444'])
  await removeTree(tree, null)
  await assert.rejects(stat(tree), { code: 'ENOENT' })
})

const skip = process.getuid?.() === 0 ? false : 'needs root'
test(
  'an app reads its tree, strangers do not, and what root had stays as it was',
  { skip },
  async () => {
    const owner = { uid: 58_322, gid: 58_322 }
    const tree = await makeTree('app', owner)
    await writeFile(join(tree, 'cached'), '', { mode: 0o604 })
    await sealTree(tree, owner)
    assert.deepEqual(await modes(tree), ['750', '750', '640'])
    const cached = await stat(join(tree, 'cached'))
    assert.deepEqual([cached.mode & 0o777, cached.gid], [0o604, 0])
    const { uid, gid } = await stat(join(tree, 'text'))
    assert.deepEqual([uid, gid], [0, owner.gid])
  },
)
