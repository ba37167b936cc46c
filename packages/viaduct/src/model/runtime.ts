/** What a build says about the environment of the instances. Part of a release, never changes. */
export interface Runtime {
  /** Version of the Node.js in PATH, e.g. `20.19.0`; null: the platform's own. */
  readonly node: string | null
  /** Folders that come before the system's in PATH; relative ones are below the release's tree. */
  readonly path: readonly string[]
  /** Variables, weaker than the app's config. */
  readonly env: Readonly<Record<string, string>>
}

/** Nothing but what every app gets. Releases of before this was kept have it, too. */
export const noRuntime: Runtime = { node: null, path: [], env: {} }

/** For several builders: the first one's Node.js, all folders in order, the first one's variables. */
export function mergeRuntimes(runtimes: readonly Runtime[]): Runtime {
  return {
    node: runtimes.find(({ node }) => node !== null)?.node ?? null,
    path: [...new Set(runtimes.flatMap(({ path }) => path))],
    env: Object.assign({}, ...runtimes.toReversed().map(({ env }) => env)),
  }
}
