import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parsePackage } from '../../parse/parse-package.ts'
import { type DependencyInputs, dependencyKey } from './dependency-key.ts'

function inputs(facts: object, changes: Partial<DependencyInputs> = {}): DependencyInputs {
  const lock = { manager: 'npm', name: 'package-lock.json', text: '{}' } as const
  const rest = { lock, config: [null], command: 'ci --omit=dev', toolchain: ['137', 'linux'] }
  return { package: parsePackage(JSON.stringify(facts)), ...rest, ...changes }
}

test('whatever changes what an install makes changes the key of the cache', () => {
  const facts = { dependencies: { a: '1' } }
  const keys = [
    inputs(facts),
    inputs({ dependencies: { a: '2' } }),
    inputs(facts, { lock: { manager: 'npm', name: 'package-lock.json', text: '{ }' } }),
    inputs(facts, { config: ['x=y'] }),
    inputs(facts, { command: 'ci --include=dev' }),
    inputs(facts, { toolchain: ['138', 'linux'] }),
  ].map(dependencyKey)
  assert.equal(new Set(keys).size, keys.length)
  assert.equal(dependencyKey(inputs({ ...facts, name: 'other' })), keys[0])
})

test('trees that depend on more than their inputs say are not kept', () => {
  const linked = {
    manager: 'npm' as const,
    name: 'package-lock.json',
    text: '{"packages":{"a":{"link": true}}}',
  }
  for (const not of [
    inputs({ scripts: { postinstall: 'x' } }),
    inputs({ workspaces: ['a'] }),
    inputs({}, { lock: linked }),
    inputs({ dependencies: { a: 'file:../a' } }, { lock: null }),
  ]) {
    assert.equal(dependencyKey(not), null)
  }
})
