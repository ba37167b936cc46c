/**
 * Compiles packages/viaduct into its dist/ folder, as `npm pack` publishes it: all of its code and
 * the parts of packages/supervise that it uses, so that nothing is bundled and no types are
 * stripped at run time. Called by `prepack`; a clone runs from source and needs no build.
 */
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const root = join(import.meta.dirname, '..')
const packageFolder = join(root, 'packages/viaduct')
const dist = join(packageFolder, 'dist')

/** What the entry loads; a build without one of these would be no package. */
const entry = readFileSync(join(packageFolder, 'bin/viaduct.js'), 'utf8')
const mains = [...entry.matchAll(/'([\w-]+\/main)'/g)].map(([, main]) => `${main}.js`)
if (mains.length === 0) throw new Error('bin/viaduct.js names no main')

rmSync(dist, { recursive: true, force: true })
const { status, error } = spawnSync(
  join(root, 'node_modules/.bin/tsc'),
  ['-p', join(packageFolder, 'tsconfig.build.json')],
  { stdio: 'inherit' },
)
if (error) throw error
// Apps are started with it by its path; compiled code looks for it where it stands in the sources.
const preload = 'bin/direct-preload.cjs'
cpSync(join(packageFolder, preload), join(dist, 'viaduct', preload))
// For editors: `"$schema": "./node_modules/viaduct/dist/viaduct.schema.json"`.
cpSync(join(root, 'docs/viaduct.schema.json'), join(dist, 'viaduct.schema.json'))
const missing = mains.filter((main) => !existsSync(join(dist, 'viaduct/src', main)))
if (missing.length > 0) process.stderr.write(`The build lacks ${missing.join(', ')}.\n`)
process.exitCode = status === 0 && missing.length === 0 ? 0 : 1
