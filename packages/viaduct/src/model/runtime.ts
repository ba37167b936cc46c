/** What a build says about the environment of the instances. Part of a release, never changes. */
export interface Runtime {
  /** Shared tools whose commands come first in PATH, before the platform's: `node/20.19.0`. */
  readonly tools: readonly string[]
  /** Folders that come before the system's in PATH; relative ones are below the release's tree. */
  readonly path: readonly string[]
  /** Variables, weaker than all that the app says itself. */
  readonly env: Readonly<Record<string, string>>
}

/** Nothing but what every app gets. Releases of before this was kept have it, too. */
export const noRuntime: Runtime = { tools: [], path: [], env: {} }

/** For several builders: the tools and folders of all in order, the first one's variables. */
export function mergeRuntimes(runtimes: readonly Runtime[]): Runtime {
  return {
    tools: [...new Set(runtimes.flatMap(({ tools }) => tools))],
    path: [...new Set(runtimes.flatMap(({ path }) => path))],
    env: Object.assign({}, ...runtimes.toReversed().map(({ env }) => env)),
  }
}
