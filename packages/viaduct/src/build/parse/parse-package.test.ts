import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePackage } from './parse-package.ts'

test('each way to name dependencies makes an install, and is in the key of the cache', () => {
  for (const field of ['dependencies', 'devDependencies', 'optionalDependencies']) {
    const facts = parsePackage(JSON.stringify({ [field]: { a: '1' } }))
    assert.ok(facts.hasDependencies, field)
    assert.deepEqual(Object.keys(facts.dependencyFields), [field])
    assert.equal(parsePackage(JSON.stringify({ [field]: {} })).hasDependencies, false)
  }
  const workspaces = parsePackage('{"workspaces": ["a"]}')
  assert.ok(workspaces.hasDependencies && workspaces.hasWorkspaces)
  for (const field of ['peerDependencies', 'overrides', 'engines', 'bundleDependencies']) {
    const facts = parsePackage(JSON.stringify({ [field]: { a: '1' } }))
    assert.deepEqual(Object.keys(facts.dependencyFields), [field])
  }
})

test('a name that objects have already is a dependency like any other', () => {
  const { dependencyFields } = parsePackage('{"dependencies": {"__proto__": "1"}}')
  assert.equal(JSON.stringify(dependencyFields), '{"dependencies":{"__proto__":"1"}}')
})

test('each script that an install runs keeps the tree out of the cache', () => {
  for (const name of ['preinstall', 'install', 'postinstall', 'prepublish', 'prepare']) {
    const facts = parsePackage(JSON.stringify({ scripts: { [name]: 'x' } }))
    assert.deepEqual(facts.installScripts, { [name]: 'x' })
  }
})

test('package.json has no comments and no comma at the end', () => {
  for (const text of ['{} // x', '{"name": "a",}']) {
    assert.throws(() => parsePackage(text), { code: 'bad-manifest' }, text)
  }
})
