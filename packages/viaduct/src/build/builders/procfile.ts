/**
 * The builder of last resort: a Procfile says how the app is started, and `install` of the manifest
 * how it is prepared. Nothing else is known of it.
 */
import { noRuntime } from '../../model/release.ts'
import { readAppFile } from '../read-app-file.ts'
import type { Builder, Detection } from './builder.ts'

export const procfileBuilder: Builder = {
  name: 'procfile',
  combines: false,
  signs: ['Procfile'],
  async detect(tree): Promise<Detection | null> {
    if ((await readAppFile(tree, 'Procfile')) === null) return null
    return {
      builder: 'procfile',
      reasons: ['Procfile is there, and nothing that tells the language'],
      appName: null,
      processes: {},
      tools: {},
      steps: [],
      equip: async () => ({
        toolchain: [],
        runtime: noRuntime,
        install: async () => 'none',
        compile: async () => {},
      }),
    }
  },
}
