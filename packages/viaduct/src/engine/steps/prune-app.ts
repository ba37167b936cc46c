/**
 * Removes what is too old to be kept: releases beyond the limit with their logs, artifacts that no
 * release needs, deploys with their events. What serves, served before, is warm or is being
 * deployed stays in any case.
 */
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { removeOldArtifacts } from '../../build/remove-old-artifacts.ts'
import { deploysKept } from '../../model/limits.ts'
import { isFinished, type Release } from '../../model/release.ts'
import type { AppRunner } from '../app/app-runner.ts'
import { ownerOf } from '../app/make-setup.ts'

export async function pruneApp(runner: AppRunner): Promise<void> {
  const { records, parts, journal } = runner
  const old = await runner.ask(async () => {
    const releases = releasesToDrop(runner)
    const deploys = records.deploys().slice(0, -deploysKept)
    await journal.flush()
    await records.prune(
      releases,
      deploys.filter(({ state }) => isFinished(state)),
    )
    return releases
  })
  const folders = parts.layout.app(records.name)
  for (const { number } of old) {
    await rm(dirname(folders.releaseLog(number, 'app')), { recursive: true, force: true })
  }
  if (old.length > 0) await removeArtifacts(runner)
}

function releasesToDrop(runner: AppRunner): Release[] {
  const { records, parts } = runner
  const { app, deploy } = records
  const releases = records.releases()
  const served = runner.served()
  const kept = parts.settings.releasesKept
  const newest = new Set([
    ...releases.slice(-kept),
    ...releases.filter(({ number }) => served.has(number)).slice(-kept),
  ])
  const living = new Set([...runner.instances.values()].map(({ slot }) => slot.release))
  const needed = new Set([app.current, app.previous, deploy?.release, ...living])
  return releases.filter((release) => !newest.has(release) && !needed.has(release.number))
}

/** Takes turns with the requests, so that no release of an old artifact is made meanwhile. */
async function removeArtifacts(runner: AppRunner): Promise<void> {
  const { records, parts } = runner
  await runner.ask(async () => {
    if (records.deploy !== null) return
    const keep = new Set(records.releases().map(({ artifact }) => artifact))
    const layout = parts.layout.app(records.name)
    await removeOldArtifacts({ layout, keep, owner: ownerOf(records.app) })
  })
}
