import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { dependencyCachesKept } from '../model/limits.ts'
import { artifactId } from './build-artifact.ts'
import { DependencyCache, type DependencyInputs, dependencyKey } from './dependency-cache.ts'
import { parsePackage } from './parse/parse-package.ts'

function inputs(facts: object, changes: Partial<DependencyInputs> = {}): DependencyInputs {
  const lock = { name: 'package-lock.json', text: '{}' }
  const rest = { lock, npmrc: null, command: 'ci --omit=dev', toolchain: ['137', 'linux'] }
  return { package: parsePackage(JSON.stringify(facts)), ...rest, ...changes }
}

test('whatever changes what an install makes changes the key of the cache', () => {
  const facts = { dependencies: { a: '1' } }
  const keys = [
    inputs(facts),
    inputs({ dependencies: { a: '2' } }),
    inputs(facts, { lock: { name: 'package-lock.json', text: '{ }' } }),
    inputs(facts, { npmrc: 'x=y' }),
    inputs(facts, { command: 'ci --include=dev' }),
    inputs(facts, { toolchain: ['138', 'linux'] }),
  ].map(dependencyKey)
  assert.equal(new Set(keys).size, keys.length)
  assert.equal(dependencyKey(inputs({ ...facts, name: 'other' })), keys[0])
})

test('trees that depend on more than their inputs say are not kept', () => {
  const linked = { name: 'package-lock.json', text: '{"packages":{"a":{"link": true}}}' }
  for (const not of [
    inputs({ scripts: { postinstall: 'x' } }),
    inputs({ workspaces: ['a'] }),
    inputs({}, { lock: linked }),
    inputs({ dependencies: { a: 'file:../a' } }, { lock: null }),
  ]) {
    assert.equal(dependencyKey(not), null)
  }
})

test('the trees that were used last stay', async () => {
  const dir = await mkdtemp(join(tmpdir(), 'viaduct-dependency-cache-'))
  const cache = new DependencyCache(join(dir, 'cache'), null)
  const count = dependencyCachesKept + 1
  for (let i = 0; i < count; i++) {
    if (i === count - 1) assert.ok(await cache.restore('0', join(dir, 'used')))
    await mkdir(join(dir, `${i}`))
    await writeFile(join(dir, `${i}`, 'x'), '')
    await cache.take(`${i}`, join(dir, `${i}`))
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  assert.deepEqual((await readdir(join(dir, 'cache'))).toSorted(), ['0', '2', '3'])
  await rm(dir, { recursive: true })
})

test('an artifact is named by source, config in any order, and what builds it', () => {
  const npm = { cli: '', binDir: '', version: '11.0.0', settings: {} }
  const source = { sha256: 'a'.repeat(64), writeTo: async () => {} }
  const id = artifactId({ source, npm, env: { A: '1', B: '2' } })
  assert.equal(artifactId({ source, npm, env: { B: '2', A: '1' } }), id)
  assert.notEqual(artifactId({ source, npm, env: { A: '1', B: '3' } }), id)
  assert.notEqual(
    artifactId({ source, npm: { ...npm, version: '12.0.0' }, env: { A: '1', B: '2' } }),
    id,
  )
})
