/**
 * What a builder is: it knows from an app's files how apps of its kind are prepared and started.
 *
 * A deploy asks it three things, each with more at hand: `detect` reads files and names the steps;
 * `equip` sees to the tools (a Node.js, a pnpm) on this machine; `install` and `compile` run the
 * steps as the app's user. Order and rules for several builders in one tree: `all-builders.ts`.
 */
import type { BuilderName } from '../../model/manifest.ts'
import type { Config, Runtime } from '../../model/release.ts'
import type { DependencyCache } from '../dependency-cache.ts'
import type { FailureLines } from '../failure-lines.ts'
import type { Processes } from '../parse/parse-procfile.ts'
import type { StepName } from '../run-step.ts'
import type { Owner } from '../seal-tree.ts'
import type { Toolbox } from '../tools/toolbox.ts'

export interface Builder {
  /** As in `builder` of the manifest: `node`. */
  readonly name: BuilderName
  /** False: it is used only when no builder before it in the list was found. */
  readonly combines: boolean
  /** Names of files, one of which every tree of its kind has. */
  readonly signs: readonly string[]
  /**
   * Looks at the files of a tree; runs nothing and asks no network.
   *
   * It is asked again about the built tree, and must then come to the same process types.
   *
   * @param tree Absolute path of the root. Read with `readAppFile`: links may lead anywhere.
   * @returns null when the tree is not of its kind.
   * @throws {AppError} `bad-manifest` for a file of its kind that cannot be understood.
   */
  detect(tree: string, options: DetectOptions): Promise<Detection | null>
}

export interface DetectOptions {
  /** The manifest has `install` commands, which may need what only a build needs. */
  readonly hasCommands: boolean
  /** The manifest names folders whose files are served. Default false. */
  readonly servesFolders?: boolean
}

/** What a builder found. */
export interface Detection {
  readonly builder: BuilderName
  /** Why, for people: `package.json is there`. At least one. */
  readonly reasons: readonly string[]
  /** A name for the app from the tree, e.g. that of package.json. */
  readonly appName: string | null
  /** Types that it knows a command for. Lines of the Procfile are stronger, one by one. */
  readonly processes: Processes
  /** Why there is no `web`, when there is none and the Procfile does not say it: for people. */
  readonly noWeb?: string
  /** Tool → what is asked of it and by which file: `Node.js` → `20 (engines.node)`. */
  readonly tools: Readonly<Record<string, string>>
  /** What will run, in this order, as a person would type it. The cache may spare some. */
  readonly steps: readonly { readonly step: StepName; readonly command: string }[]
  /**
   * Finds the tools on this machine, or gets them.
   *
   * @throws {AppError} `build-failed`: a tool is missing; the message names it and what is there.
   */
  equip(machine: Machine): Promise<Equipped>
}

/** A detection with its tools. */
export interface Equipped {
  /**
   * Names and versions of all that shapes what is built (`python 3.13.5`): another toolchain is
   * another artifact. Never paths.
   */
  readonly toolchain: readonly string[]
  /** What the instances need at run time; goes into the release, so a rollback gets the same. */
  readonly runtime: Runtime
  /** Gets the dependencies, or takes them from the cache. Runs before the app's own `install`. */
  install(context: BuildContext): Promise<Dependencies>
  /** Builds what the app serves, and drops what only that needed. Runs after them. */
  compile(context: BuildContext): Promise<void>
}

/** Where the dependencies of a release come from. */
export type Dependencies = 'none' | 'uploaded' | 'cached' | 'installed'

/** The machine that builds. */
export interface Machine {
  /** Tools that all apps share, and npm. */
  readonly toolbox: Toolbox
  readonly signal: AbortSignal
}

/** A tree in the making. */
export interface BuildContext {
  /** Where the tree is now. Commands run here. */
  readonly tree: string
  /** Where it will be when it is done: for tools that write absolute paths into what they make. */
  readonly place: string
  readonly owner: Owner
  /** Trees of dependencies from earlier builds of this app. */
  readonly cache: DependencyCache
  /** A folder of the same file system that only the platform reaches; it goes at the end. */
  readonly closedDir: string
  /** HOME of all commands: what tools keep there stays for the app's next builds. */
  readonly homeDir: string
  readonly signal: AbortSignal
  /**
   * Runs a command to its end, as the app's user in the tree.
   *
   * @throws {AppError} `build-failed`, `disk-full`: see `runStep`.
   */
  readonly run: (command: BuildCommand) => Promise<void>
}

export interface BuildCommand {
  readonly step: StepName
  /** As a person would type it. */
  readonly shown: string
  /** For `sh -c`: constant text of the builder, or a whole line of the user's own. */
  readonly command: string
  /** Weaker than the app's config. */
  readonly defaults?: Config
  /** Stronger than the app's config. */
  readonly env?: Config
  /** Folders at the end of PATH. */
  readonly morePath?: readonly string[]
  /** What to do when it fails. */
  readonly explain?: (output: FailureLines) => string
}
