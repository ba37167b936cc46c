/** The builder for Node.js: a tree with package.json. */
import type { ProcessType } from '../../../model/ids.ts'
import type { PackageFacts } from '../../parse/parse-package.ts'
import type { Processes } from '../../parse/parse-procfile.ts'
import { parseRange, satisfies } from '../../tools/version-range.ts'
import type { Builder, Detection, Equipped, Machine } from '../builder.ts'
import { buildAndPrune, type Installed, installDependencies } from './install-dependencies.ts'
import { equipManager } from './manager.ts'
import { type NodePlan, readNodePlan } from './node-plan.ts'
import type { NodeWish } from './node-version.ts'
import { managerName } from './package-manager.ts'

export const nodeBuilder: Builder = {
  name: 'node',
  combines: true,
  signs: ['package.json'],
  async detect(tree, options): Promise<Detection | null> {
    const plan = await readNodePlan(tree, options)
    if (plan === null) return null
    return {
      builder: 'node',
      reasons: reasonsOf(plan),
      appName: plan.facts.appName,
      processes: processesOf(plan.facts),
      noWeb: 'package.json has no scripts.start',
      tools: toolsOf(plan),
      steps: stepsOf(plan),
      equip: (machine) => equip(plan, machine),
    }
  },
}

function reasonsOf({ lock, isUploaded }: NodePlan): string[] {
  return [
    'package.json is there',
    ...(lock ? [`${lock.name} is there: ${lock.manager} installs`] : []),
    ...(isUploaded ? ['node_modules is there: nothing is installed'] : []),
  ]
}

/** `scripts.start` as the `web` process. trajan's apps give only a file there: Node.js runs it. */
function processesOf({ start }: PackageFacts): Processes {
  if (!start) return {}
  const command = /^[\w./-]+\.[cm]?js$/.test(start) ? `node ${start}` : start
  return { ['web' as ProcessType]: command }
}

function toolsOf({ node, manager, installs, builds }: NodePlan): Record<string, string> {
  const { kind, range, askedBy } = manager
  const name = managerName(kind)
  return {
    'Node.js': node
      ? `${node.range} (${node.askedBy})`
      : `${process.versions.node} (the platform's)`,
    ...((installs || builds) && { [name]: range ? `${range} (${askedBy})` : "the machine's" }),
  }
}

/** Without what the cache spares. */
function stepsOf({ manager, commands, installs, builds, prunes }: NodePlan): Detection['steps'] {
  const name = managerName(manager.kind)
  return [
    ...(installs ? [{ step: 'install' as const, command: `${name} ${commands.install}` }] : []),
    ...(builds ? [{ step: 'build' as const, command: `${name} ${commands.build}` }] : []),
    ...(prunes ? [{ step: 'prune' as const, command: `${name} ${commands.prune}` }] : []),
  ]
}

async function equip(plan: NodePlan, machine: Machine): Promise<Equipped> {
  const own = plan.node && (await provideNode(plan.node, machine))
  const version = own ?? process.versions.node
  const manager = await equipManager(plan, machine, version)
  // Compiled packages fit every version with the same ABI, which the major number stands for.
  const abi = own === null ? `abi ${process.versions.modules}` : `node ${own.split('.')[0]}`
  const toolchain = [abi, process.platform, process.arch, manager?.title ?? 'nothing to run']
  let installed: Installed | undefined
  return {
    toolchain: own === null ? toolchain : [...toolchain, `node ${own}`],
    runtime: {
      tools: [...(own === null ? [] : [`node/${own}`]), ...(manager?.tools ?? [])],
      path: [],
      env: {},
    },
    install: async (context) => {
      if (!manager) return plan.isUploaded ? 'uploaded' : 'none'
      installed = await installDependencies({ plan, manager, toolchain }, context)
      return installed.dependencies
    },
    compile: async (context) => {
      if (manager)
        await buildAndPrune({ plan, manager, toolchain }, context, installed?.key ?? null)
    },
  }
}

/**
 * The platform's own is used when it fits: nothing to download, and its memory is shared. Else the
 * newest that fits.
 *
 * @returns null: the platform's.
 */
async function provideNode({ range, askedBy }: NodeWish, machine: Machine): Promise<string | null> {
  const parsed = parseRange(range)
  if (parsed && satisfies(process.versions.node, parsed)) return null
  const wish = { name: 'node', title: 'Node.js', package: `node-linux-${process.arch}` }
  return await machine.toolbox.provide({ ...wish, range, askedBy }, machine.signal)
}
