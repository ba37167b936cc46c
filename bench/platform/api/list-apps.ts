/** How long a list of very many apps takes, whole and by pages. */
import type { Platform } from '../../../test/e2e/harness/start-platform.ts'
import { cpuNanoseconds } from '../../proxy/data-plane/measured-process.ts'
import { quantile } from '../../scenarios/report.ts'

const rounds = 20

/** Makes as many apps as are missing, then lists them. */
export async function timeList(
  platform: Platform,
  { apps }: { apps: number },
): Promise<{ apps: number; p50Ms: number; maxMs: number; cpuMsEach: number; pageMs: number }> {
  const there = (await platform.client.apps.list()).length
  for (let number = there; number < apps; number++) {
    await platform.client.apps.create({ name: `app-${number}`, scale: { web: 2 } })
  }
  const daemon = await platform.daemonPid()
  const before = await cpuNanoseconds(daemon)
  const list = await time(platform, '/applications')
  const cpuMs = ((await cpuNanoseconds(daemon)) - before) / 1e6
  const page = await time(platform, '/applications?limit=100')
  return {
    apps: list.length,
    p50Ms: quantile(list.tookMs, 0.5),
    maxMs: quantile(list.tookMs, 1),
    cpuMsEach: cpuMs / rounds,
    pageMs: quantile(page.tookMs, 0.5),
  }
}

async function time(
  { apiUrl, token }: Platform,
  path: string,
): Promise<{ tookMs: number[]; length: number }> {
  const tookMs: number[] = []
  let length = 0
  for (let round = 0; round < rounds; round++) {
    const begun = performance.now()
    const answer = await fetch(apiUrl + path, { headers: { authorization: `Bearer ${token}` } })
    const text = await answer.text()
    tookMs.push(performance.now() - begun)
    length = (JSON.parse(text) as unknown[]).length
  }
  return { tookMs, length }
}
