import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import type { Detection } from '../builder.ts'
import { phpBuilder } from './php-builder.ts'

async function detect(files: readonly string[]): Promise<Detection | null> {
  const tree = await mkdtemp(join(tmpdir(), 'viaduct-php-'))
  try {
    for (const path of files) {
      await mkdir(dirname(join(tree, path)), { recursive: true })
      await writeFile(join(tree, path), '')
    }
    return await phpBuilder.detect(tree, { hasCommands: false })
  } finally {
    await rm(tree, { recursive: true })
  }
}

test('what is served is public, when that has an index.php', async () => {
  const web = async (...files: string[]): Promise<unknown> => {
    const found = await detect(files)
    return found && { ...found.processes }
  }
  const command = (folder: string): unknown => {
    return { web: `php -S "$HOST:$PORT" -t ${folder} .viaduct-router.php` }
  }
  assert.deepEqual(await web('index.php', 'public/index.php'), command('public'))
  assert.deepEqual(await web('index.php', 'public/x'), command('.'))
  assert.deepEqual(await web('index.php', 'public'), command('.'), 'public is a file')
  assert.deepEqual(await web('composer.json'), {})
  assert.equal(await web('page.php', 'public/page.php'), null)
})

test('the reasons say who runs composer', async () => {
  const found = await detect(['public/index.php', 'composer.json'])
  assert.deepEqual(found?.reasons, [
    'public/index.php is there',
    'composer.json is there: "install" of the manifest runs composer',
  ])
})
