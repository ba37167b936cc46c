/**
 * Compiles packages/supervise: CommonJS, which `require` takes on every Node.js from 20 on, and an
 * ES module in front of it, so that a program that uses both has one library. Called by `prepack`.
 *
 * `node tools/build-supervise.ts --out DIR --tests` puts the tests and their fixtures there too.
 */
import { spawnSync } from 'node:child_process'
import { cp, glob, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join, resolve } from 'node:path'
import { parseArgs } from 'node:util'

const root = join(import.meta.dirname, '..')
const packageFolder = join(root, 'packages/supervise')

const { values } = parseArgs({
  options: { out: { type: 'string' }, tests: { type: 'boolean', default: false } },
})
await build(resolve(values.out ?? join(packageFolder, 'dist')), values.tests)

/** @param out Is emptied first. */
async function build(out: string, withTests: boolean): Promise<void> {
  const cjs = join(out, 'cjs')
  await rm(out, { recursive: true, force: true })
  compile(withTests ? 'tsconfig.test.json' : 'tsconfig.build.json', cjs)
  await copyPlain(cjs, withTests)
  await renameImports(cjs)
  await writeFile(join(cjs, 'package.json'), '{ "type": "commonjs" }\n')
  await writeModule(out)
}

function compile(config: string, outDir: string): void {
  const project = join(packageFolder, config)
  const tsc = join(root, 'node_modules/.bin/tsc')
  const { status, error } = spawnSync(tsc, ['-p', project, '--outDir', outDir], {
    stdio: 'inherit',
  })
  if (error) throw error
  if (status !== 0) throw new Error(`tsc ended with ${status}`)
}

/** What is CommonJS already, and its declarations. */
async function copyPlain(cjs: string, withTests: boolean): Promise<void> {
  const from = join(packageFolder, 'src')
  for await (const file of glob('**/*.{cjs,d.cts}', { cwd: from })) {
    if (file.startsWith('fixtures/') && !withTests) continue
    await mkdir(join(cjs, dirname(file)), { recursive: true })
    await cp(join(from, file), join(cjs, file))
  }
}

/** tsc leaves `.ts` in declarations, where there is none beside them. */
async function renameImports(cjs: string): Promise<void> {
  for await (const file of glob('**/*.d.ts', { cwd: cjs })) {
    const text = await readFile(join(cjs, file), 'utf8')
    await writeFile(join(cjs, file), text.replaceAll(/(from '\.[^']*)\.ts'/g, "$1.js'"))
  }
}

async function writeModule(out: string): Promise<void> {
  const library = createRequire(import.meta.url)(join(out, 'cjs/supervise.js')) as object
  const names = Object.keys(library).filter((name) => name !== '__esModule')
  if (!names.includes('MasterFactory')) throw new Error('The build exports no MasterFactory')
  const list = names.sort().join(', ')
  const main = './cjs/supervise.js'
  const text = `import supervise from '${main}'\nexport const { ${list} } = supervise\n`
  await writeFile(join(out, 'supervise.mjs'), text)
  await writeFile(join(out, 'supervise.d.mts'), `export * from '${main}'\n`)
}
