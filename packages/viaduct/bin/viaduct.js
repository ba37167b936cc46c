/**
 * The entry of every process of the platform: turns on the compile cache, then loads the code of
 * the kind that was asked for (compiled when it was built, else the TypeScript source).
 */
import { existsSync } from 'node:fs'
import { enableCompileCache, flushCompileCache } from 'node:module'
import { fileURLToPath } from 'node:url'

// Beside the code, and as safe as it: a folder in /tmp could be somebody else's. Where it cannot be
// written (or read), Node.js goes on without it.
const cache = process.env.VIADUCT_COMPILE_CACHE || new URL('../.cache/compile', import.meta.url)
enableCompileCache(typeof cache === 'string' ? cache : fileURLToPath(cache))
// It is written at a clean exit; a process that is killed one day has written it by then.
setTimeout(() => flushCompileCache(), 5_000).unref()

const mains = { daemon: 'daemon/main', proxy: 'proxy/main' }
const main = Object.hasOwn(mains, process.argv[2] ?? '') ? mains[process.argv[2]] : 'cli/main'
if (process.argv[2] === 'warm-cache') {
  for (const each of [...Object.values(mains), 'cli/main', 'cli/node/up']) await load(each)
  flushCompileCache()
  process.exit()
}
const { run } = await load(main).catch(explainMissing)
await run(process.argv.slice(2))

function load(name) {
  const compiled = new URL(`../dist/viaduct/src/${name}.js`, import.meta.url)
  const source = new URL(`../src/${name}.ts`, import.meta.url)
  // In a clone the source is what counts, whatever an earlier "npm pack" left in dist.
  return import((existsSync(source) ? source : compiled).href)
}

/** A clone before its "npm ci" is a usual mistake; a stack would not say so. */
function explainMissing(error) {
  if (error.code !== 'ERR_MODULE_NOT_FOUND' || !error.message.startsWith('Cannot find package'))
    throw error
  process.stderr.write(`viaduct: ${error.message.split(' imported ')[0]}.\n`)
  process.stderr.write('Run "npm ci" in the clone first; an installed Viaduct: install it again.\n')
  process.exit(1)
}
