/** Which Node.js an app asks for: `engines.node` of package.json, else .nvmrc or .node-version. */
import { readAppFile } from '../../read-app-file.ts'
import type { PackageFacts } from '../../parse/parse-package.ts'

export interface NodeWish {
  /** As in package.json. */
  readonly range: string
  readonly askedBy: string
}

/** nvm's names of the long-term releases, and what it calls the newest one. */
const names: Readonly<Record<string, string>> = {
  ...{ argon: '4', boron: '6', carbon: '8', dubnium: '10', erbium: '12', fermium: '14' },
  ...{ gallium: '16', hydrogen: '18', iron: '20', jod: '22', krypton: '24' },
  ...{ '*': '*', node: '*', stable: '*', latest: '*', current: '*', lts: '*' },
}

/** @returns null when it does not say: the platform's own will do. */
export async function readNodeWish(tree: string, facts: PackageFacts): Promise<NodeWish | null> {
  if (facts.nodeRange !== null) return { range: facts.nodeRange, askedBy: 'engines.node' }
  for (const file of ['.nvmrc', '.node-version']) {
    const text = await readAppFile(tree, file)
    const line = text?.split('\n').find((each) => each.trim() !== '' && !each.startsWith('#'))
    if (line) return { range: rangeOf(line.trim()), askedBy: file }
  }
  return null
}

/** `lts/iron`, `v20.1.0` or `20`; what is none of them is refused where it is used. */
function rangeOf(line: string): string {
  const name = line.replace(/^lts\//, '').toLowerCase()
  return names[name] ?? line.replace(/^node\//, '')
}
