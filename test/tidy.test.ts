/**
 * The style as a red test: sizes, banned words, names, import levels, and the repository's own
 * files. Each check plants violations and must see them; each fails when it read nothing.
 */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { type Check, type SourceFile, isTest, readSources } from './tidy/check.ts'
import { levelChecks, parseLevels } from './tidy/levels.ts'
import { nameChecks } from './tidy/names.ts'
import { repositoryChecks } from './tidy/repository.ts'
import { sizeChecks } from './tidy/sizes.ts'
import { testChecks, wordChecks } from './tidy/words.ts'

const source = await readSources(['packages/*/src/**/*.ts', '{tools,bench,test}/**/*.ts'])
const code = source.filter(({ path }) => !isTest(path) && !path.includes('/fixtures/'))
const isRule = ({ path }: SourceFile): boolean => /tidy\/(words|repository)\.ts$/.test(path)
const tests = source.filter(({ path }) => isTest(path))
const text = await readSources([
  '*.{md,json,ts}',
  '.npmrc',
  '.ci/*',
  '{docs,examples,tools,bench,test,packages}/**/*.{md,json,ts,js,sh}',
])
const [architecture] = await readSources(['ARCHITECTURE.md'])
const levels = parseLevels(architecture?.text ?? '')

runChecks([...sizeChecks, ...nameChecks], code)
runChecks(
  wordChecks,
  code.filter((file) => !isRule(file)),
)
runChecks(
  levelChecks(levels),
  code.filter(({ path }) => path.startsWith('packages/')),
)
runChecks(testChecks, tests)
runChecks(
  repositoryChecks,
  text.filter((file) => !isRule(file)),
)

test('the levels of ARCHITECTURE.md were read', () => {
  assert.equal(levels.get('model'), 0)
  assert.equal(levels.get('daemon'), 5)
})

function runChecks(checks: readonly Check[], files: readonly SourceFile[]): void {
  for (const check of checks) {
    test(check.name, () => {
      for (const [index, planted] of check.planted.entries()) {
        assert.notDeepEqual(check.find(planted), [], `Planted violation ${index} was not seen`)
      }
      assert.ok(files.length > 0, 'No file was read')
      assert.deepEqual(check.find(files), [])
    })
  }
}
