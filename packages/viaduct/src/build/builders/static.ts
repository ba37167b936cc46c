/**
 * The builder for a site of nothing but files: `index.html`, and nothing that says how an app is
 * started. No process runs: the proxies serve its files.
 *
 * The release keeps the files apart from those that are about the app, so that nobody can fetch
 * `viaduct.json` with the variables in it.
 */
import { lchown, mkdir, readdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import { systemCodeOf } from '../../model/app-error.ts'
import type { ProcessType } from '../../model/ids.ts'
import { noRuntime } from '../../model/release.ts'
import { badFile, exists } from '../read-app-file.ts'
import type { BuildContext, Builder, Detection } from './builder.ts'

/** Where the files are in a release: no name that a visitor could ask for. */
const siteFolder = '.viaduct-site'

/** What tells Viaduct of the app, and no visitor. */
const notServed = ['viaduct.json', 'app.json', 'Procfile']

export const staticBuilder: Builder = {
  name: 'static',
  combines: false,
  signs: ['index.html'],
  async detect(tree, { servesFolders = false }): Promise<Detection | null> {
    if (!servesFolders && !(await hasIndex(tree))) return null
    return {
      builder: 'static',
      reasons: [
        servesFolders
          ? '"static" of the manifest names what the proxies serve'
          : 'index.html is there, and nothing to start: the proxies serve the files',
      ],
      appName: null,
      processes: servesFolders ? {} : { ['static' as ProcessType]: siteFolder },
      tools: {},
      steps: [],
      equip: async () => ({
        toolchain: [servesFolders ? 'folders' : 'site'],
        runtime: noRuntime,
        install: async () => 'none',
        compile: async (context) => {
          if (!servesFolders) await moveFiles(context)
        },
      }),
    }
  },
}

/** Also of the tree that was built. */
async function hasIndex(tree: string): Promise<boolean> {
  return (await exists(join(tree, 'index.html'))) || exists(join(tree, siteFolder, 'index.html'))
}

async function moveFiles({ tree, owner }: BuildContext): Promise<void> {
  const site = join(tree, siteFolder)
  const names = await readdir(tree)
  try {
    await mkdir(site, { mode: 0o755 })
  } catch (error) {
    if (systemCodeOf(error) !== 'EEXIST') throw error
    throw badFile(siteFolder, 'is a name that the build needs')
  }
  if (owner) await lchown(site, owner.uid, owner.gid)
  for (const name of names.filter(isServed)) await rename(join(tree, name), join(site, name))
}

/** Hidden files are never served, but for `.well-known`. */
function isServed(name: string): boolean {
  return name === '.well-known' || !(name.startsWith('.') || notServed.includes(name))
}
