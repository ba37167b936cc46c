/** What somebody is told whose machine has no Node.js, an old one, or a clone before `npm ci`. */
import assert from 'node:assert/strict'
import { chmod, cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { cleanEnvironment, runCommand } from './harness/run-command.ts'

const source = join(import.meta.dirname, '../../packages/viaduct')
let root = ''
let viaduct = ''

before(async () => {
  root = await mkdtemp(join(tmpdir(), 'viaduct-without-node-'))
  for (const folder of ['bin', 'src']) {
    await cp(join(source, folder), join(root, 'clone/packages/viaduct', folder), {
      recursive: true,
    })
  }
  await writeFile(join(root, 'clone/packages/viaduct/package.json'), '{"type":"module"}')
  viaduct = join(root, 'clone/packages/viaduct/bin/viaduct')
  // The programs of every Debian that it calls; no Node.js among them.
  await mkdir(join(root, 'base'))
  for (const name of ['sh', 'readlink', 'uname']) {
    await symlink(`/usr/bin/${name}`, join(root, 'base', name))
  }
})
after(() => rm(root, { recursive: true }))

async function run(...path: string[]): Promise<{ code: number | null; stderr: string }> {
  const env = { ...cleanEnvironment(), PATH: [...path, join(root, 'base')].join(':') }
  return await runCommand([viaduct, 'version'], { cwd: root, env })
}

test('without Node.js it says which one it needs', async () => {
  const { code, stderr } = await run()
  assert.match(
    stderr,
    /^viaduct: needs Node\.js 24\.20 or newer; found none\.\nInstall Node\.js 24/,
  )
  assert.equal(code, 1)
})

test('with an old one it names that, and in a clone how to get another', async () => {
  const old = join(root, 'old')
  await mkdir(old)
  await writeFile(
    join(old, 'node'),
    '#!/bin/sh\n[ "$1" = -v ] && echo v18.20.4 && exit 0\nexit 1\n',
  )
  await chmod(join(old, 'node'), 0o755)
  await writeFile(join(root, 'clone/package-lock.json'), '{}')
  const { code, stderr } = await run(old)
  assert.match(stderr, /found \S+\/old\/node v18\.20\.4\.\nRun "npm ci" in this clone first/)
  assert.equal(code, 1)
})

test('with the right one but no packages it says to install them', async () => {
  const { code, stderr } = await run(join(process.execPath, '..'))
  assert.match(stderr, /^viaduct: Cannot find package '\w+'\.\nRun "npm ci" in the clone first/)
  assert.equal(code, 1)
})
