/**
 * What the API is told about an app: its manifest is recorded with the app, stronger key by key
 * than the one in its tree, and takes effect with the deploy that follows.
 */
import { isDeepStrictEqual } from 'node:util'
import { parseManifestBody } from '../../build/manifest/parse-manifest.ts'
import { AppError } from '../../model/app-error.ts'
import type { Manifest } from '../../model/manifest.ts'
import { type AppName, parseAppName } from '../../model/ids.ts'
import type { App, RequestMark, ServerManifest } from '../../model/release.ts'
import { hasPassword } from '../../model/manifest/repo-url.ts'
import type { AppRunner } from '../app/app-runner.ts'
import type { EngineParts } from '../app/engine-parts.ts'
import type { Apps } from '../apps.ts'
import { checkAccountKept } from '../app/resolve-account.ts'
import { claimedBy } from '../app/claims.ts'
import type { StoredDeploy } from '../records/stored-deploy.ts'
import { redeploy, repoOf } from './deploy-code.ts'
import { findKnown } from './known-request.ts'

export interface ToldManifest {
  readonly name: AppName
  readonly manifest: ServerManifest
}

/**
 * Reads the body of `POST /applications` and of `PUT /applications/NAME`.
 *
 * @param name Of the path; a name in the body must be the same. null: it must be in the body.
 * @throws {AppError} `bad-manifest` with `data.field`
 */
export function readManifest(body: unknown, name: AppName | null): ToldManifest {
  const { version: _version, name: written, ...manifest } = parseManifestBody(body)
  if (written === undefined && name === null) throw badField('name', 'is missing')
  if (name !== null && written !== undefined && written !== name) {
    throw badField('name', `is "${written}", but the app is "${name}": it keeps its name`)
  }
  checkRepo(manifest)
  return { name: name ?? parseAppName(written ?? ''), manifest }
}

/** The manifest is shown to whoever may read. */
function checkRepo({ repo }: Pick<Manifest, 'repo'>): void {
  if (repo === undefined || !hasPassword(repo.url)) return
  throw badField('repo.url', 'has a password or a token in it', {
    hint: 'Use its ssh URL, and give the key that "viaduct apps key" shows read access.',
  })
}

function badField(field: string, what: string, options: { hint?: string } = {}): AppError {
  return new AppError('bad-manifest', `"${field}" ${what}`, { ...options, data: { field } })
}

/**
 * Makes an app; with a repository its first deploy begins. The request that made it is given the
 * same again.
 *
 * @throws {AppError} `exists`, `key-reused`, `bad-app-name`, `route-taken`, `bad-route`
 */
export async function createApp(
  apps: Apps,
  parts: EngineParts,
  options: ToldManifest & { request?: RequestMark | undefined },
): Promise<{ runner: AppRunner; deploy: StoredDeploy | null }> {
  const { name, manifest, request } = options
  const claimed = claimedBy({}, { manifest: { ...manifest, version: 1 } })
  const runner = await parts.claims.whileFree(name, { ...claimed, port: null }, () =>
    apps.create(parts, name, { manifest, request }),
  )
  const deploy = await runner.ask(() => findKnown(runner, request) ?? deployNew(runner, request))
  return { runner, deploy }
}

async function deployNew(
  runner: AppRunner,
  request: RequestMark | undefined,
): Promise<StoredDeploy | null> {
  return repoOf(runner) ? await redeploy(runner, { request }) : null
}

/**
 * Replaces the manifest, and deploys the app's code with it.
 *
 * @returns null when the app has no code yet.
 * @throws {AppError} `precondition-failed` when `isExpected` says no, `route-taken`, `bad-route`;
 *   nothing has changed then. `disk-full`: it may be recorded, but is not deployed.
 */
export async function replaceManifest(
  runner: AppRunner,
  manifest: ServerManifest,
  options: {
    isExpected?: ((app: App) => boolean) | undefined
    request?: RequestMark | undefined
  } = {},
): Promise<StoredDeploy | null> {
  const { records, parts } = runner
  const { app } = records
  if (options.isExpected?.(app) === false) {
    throw new AppError('precondition-failed', `The manifest of ${app.name} is another one by now`)
  }
  checkAccountKept(app, manifest)
  const changed: App = { ...app, manifest }
  // What is in the tree may claim more: that shows when it is built.
  const { matches } = claimedBy(app, { manifest: { ...manifest, version: 1 } })
  if (!isDeepStrictEqual(app.manifest ?? {}, manifest)) {
    await parts.claims.whileFree(app.name, { matches, port: null }, () =>
      records.commit({ app: changed }),
    )
  }
  const { request } = options
  try {
    return await redeploy(runner, { request, after: { formation: leftToManifest(app, manifest) } })
  } catch (error) {
    if (error instanceof AppError && error.code === 'no-source') return null
    throw error
  }
}

/** Counts that the manifest names are the user's newest word; what `scale` said before is not. */
function leftToManifest({ formation }: App, { scale = {} }: ServerManifest): App['formation'] {
  const kept = Object.entries(formation).filter(([type]) => !Object.hasOwn(scale, type))
  return Object.fromEntries(kept)
}
