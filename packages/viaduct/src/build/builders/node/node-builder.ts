/** The builder for Node.js: a tree with package.json. */
import type { ProcessType } from '../../../model/ids.ts'
import { noRuntime } from '../../../model/runtime.ts'
import { type PackageFacts, parsePackage } from '../../parse/parse-package.ts'
import type { Processes } from '../../parse/parse-procfile.ts'
import { readAppFile } from '../../read-app-file.ts'
import type { Builder, Detection, Equipped, Machine } from '../builder.ts'
import { buildAndPrune, installCommand, installDependencies } from './install-dependencies.ts'
import { readLock } from './read-lock.ts'

export const nodeBuilder: Builder = {
  name: 'node',
  combines: true,
  async detect(tree): Promise<Detection | null> {
    const text = await readAppFile(tree, 'package.json')
    if (text === null) return null
    const facts = parsePackage(text)
    const steps = await stepsOf(tree, facts)
    return {
      builder: 'node',
      reasons: ['package.json is there'],
      appName: facts.appName,
      processes: processesOf(facts),
      tools: {},
      steps,
      equip: (machine) => equip(facts, machine),
    }
  },
}

/** What runs when nothing comes from the cache. */
async function stepsOf(tree: string, facts: PackageFacts): Promise<Detection['steps']> {
  const hasLock = (await readLock(tree)) !== null
  return [
    ...(facts.hasDependencies
      ? [
          {
            step: 'install' as const,
            command: `npm ${installCommand(hasLock, facts.hasBuildScript)}`,
          },
        ]
      : []),
    ...(facts.hasBuildScript ? [{ step: 'build' as const, command: 'npm run build' }] : []),
  ]
}

async function equip(facts: PackageFacts, machine: Machine): Promise<Equipped> {
  const npm = await machine.npm()
  const { modules } = process.versions
  const toolchain = [modules, process.platform, process.arch, npm?.version ?? 'no npm']
  const options = { package: facts, npm, toolchain }
  return {
    toolchain,
    runtime: noRuntime,
    install: (context) => installDependencies(options, context),
    compile: (context, dependencies) => buildAndPrune(options, context, dependencies),
  }
}

/** `scripts.start` as the `web` process. trajan's apps give only a file there: Node.js runs it. */
function processesOf({ start }: PackageFacts): Processes {
  if (!start) return {}
  const command = /^[\w./-]+\.[cm]?js$/.test(start) ? `node ${start}` : start
  return { ['web' as ProcessType]: command }
}
