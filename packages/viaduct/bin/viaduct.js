/**
 * The entry of every process of the platform: turns on the compile cache, then loads the code of
 * the kind that was asked for (compiled when it was built, else the TypeScript source).
 */
import { existsSync } from 'node:fs'
import { enableCompileCache } from 'node:module'

enableCompileCache(process.env.VIADUCT_COMPILE_CACHE || undefined)

const mains = { daemon: 'daemon/main', proxy: 'proxy/main' }
const main = Object.hasOwn(mains, process.argv[2] ?? '') ? mains[process.argv[2]] : 'cli/main'
const compiled = new URL(`../dist/viaduct/src/${main}.js`, import.meta.url)
const source = new URL(`../src/${main}.ts`, import.meta.url)
// In a clone the source is what counts, whatever an earlier "npm pack" left in dist.
const { run } = await import((existsSync(source) ? source : compiled).href)
await run(process.argv.slice(2))
