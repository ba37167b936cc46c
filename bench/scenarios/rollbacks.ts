/**
 * How long a rollback to a warm release takes, as a client sees it: from the call of the API to the
 * first answer of the old release.
 */
import { Agent, request } from 'node:http'
import type { Platform } from '../../test/e2e/harness/start-platform.ts'
import { deployFixture } from './deploy-fixture.ts'

const app = 'rollbacks'

/** @returns Milliseconds of each rollback. */
export async function measureRollbacks(platform: Platform, times: number): Promise<number[]> {
  for (const version of ['1', '2']) {
    await deployFixture(platform, { app, fixture: 'good', version })
  }
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  const tookMs: number[] = []
  try {
    let release = await releaseSeen(platform, agent)
    for (let i = 0; i < times; i++) {
      const begun = performance.now()
      const call = platform.client.deploys.rollback(app)
      const before = release
      while (release === before) {
        if (performance.now() - begun > 10_000) throw new Error('No rollback within 10 s')
        release = await releaseSeen(platform, agent)
      }
      tookMs.push(performance.now() - begun)
      await platform.client.deploys.get(app, (await call).id)
      await waitUntilFinished(platform, (await call).id)
    }
  } finally {
    agent.destroy()
  }
  return tookMs
}

async function waitUntilFinished(platform: Platform, id: string): Promise<void> {
  const events = platform.client.deploys.events(app, id)
  while (!(await events.next()).done);
}

function releaseSeen(platform: Platform, agent: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const options = { host: '127.0.0.1', port: platform.httpPort, agent, path: '/' }
    const outgoing = request({ ...options, headers: { host: `${app}.localhost` } }, (incoming) => {
      incoming.resume()
      incoming.on('end', () => resolve(String(incoming.headers['x-release'])))
    })
    outgoing.on('error', reject)
    outgoing.end()
  })
}
