/**
 * What a deploy takes beyond the app's own boot, when the lock file has not changed: packing is not
 * counted, upload, install from the cache, start, readiness and swap are.
 */
import { cp } from 'node:fs/promises'
import { join } from 'node:path'
import { copyFixture } from '../../test/e2e/harness/fixture-app.ts'
import type { Platform } from '../../test/e2e/harness/start-platform.ts'
import { bootAlone } from '../platform/dependency-cache/boot-alone.ts'
import { deployFixture } from './deploy-fixture.ts'

const fixture = 'npm-archive'
/** What the archive holds. */
const greeting = join(import.meta.dirname, '../../test/fixtures/apps/npm-dependency/greeting')

/** @returns Milliseconds of each: whole deploys, and boots of the app alone. */
export async function measureDeploys(
  platform: Platform,
  times: number,
): Promise<{ deployMs: number[]; bootMs: number[] }> {
  const deployMs: number[] = []
  const bootMs: number[] = []
  await deployFixture(platform, { app: fixture, fixture, version: '0' })
  for (let i = 1; i <= times; i++) {
    const { end, tookMs } = await deployFixture(platform, {
      app: fixture,
      fixture,
      version: `${i}`,
    })
    if (end !== 'succeeded') throw new Error(`Deploy ${i}: ${end}`)
    deployMs.push(tookMs)
    bootMs.push(await bootFixture())
  }
  return { deployMs, bootMs }
}

/** From the start of the app's command to a port that accepts. */
async function bootFixture(): Promise<number> {
  await using folder = await copyFixture(fixture)
  const modules = join(folder.path, 'node_modules')
  await cp(greeting, join(modules, 'greeting'), { recursive: true })
  return await bootAlone(folder.path, ['node', 'index.js'])
}
