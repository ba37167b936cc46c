/** Many readers of one app's log; every line is numbered, so that none can be missed. */
import { setTimeout as sleep } from 'node:timers/promises'
import { readEvents } from '../../../packages/viaduct/src/contract/event-stream.ts'
import { bodyOf } from '../../../packages/viaduct/src/contract/reconnect.ts'
import type { Platform } from '../../../test/e2e/harness/start-platform.ts'
import { until } from '../../../test/e2e/harness/until.ts'
import { cpuNanoseconds } from '../../proxy/data-plane/measured-process.ts'
import { packApp } from './fill-platform.ts'

const script = 'worker: i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done\n'

export async function followLog(
  platform: Platform,
  { readers, seconds }: { readers: number; seconds: number },
): Promise<{ lines: number; wrong: number; cpuPercent: number }> {
  const manifest = { routes: [], timeouts: { minUptimeMs: 0, stopTimeoutMs: 100 } }
  const archive = await packApp(script, manifest)
  await platform.client.deploys.create('writer', archive, { wait: 'ready' })
  const stop = new AbortController()
  const seen = Array.from({ length: readers }, (): number[] => [])
  const reading = seen.map((numbers) => read(platform, { numbers, signal: stop.signal }))
  await until(() => seen.every((numbers) => numbers.length > 0), { what: 'all readers read' })
  const daemon = await platform.daemonPid()
  const before = await cpuNanoseconds(daemon)
  const begun = performance.now()
  await sleep(seconds * 1_000)
  const cpuMs = ((await cpuNanoseconds(daemon)) - before) / 1e6
  const wallMs = performance.now() - begun
  stop.abort()
  await Promise.all(reading)
  const wrong = seen.reduce((sum, numbers) => sum + countGaps(numbers), 0)
  return {
    lines: seen.reduce((sum, numbers) => sum + numbers.length, 0),
    wrong,
    cpuPercent: (cpuMs / wallMs) * 100,
  }
}

async function read(
  { apiUrl, token }: Platform,
  { numbers, signal }: { numbers: number[]; signal: AbortSignal },
): Promise<void> {
  const url = `${apiUrl}/applications/writer/logs/stdout?follow=true&lines=0`
  const headers = { authorization: `Bearer ${token}`, accept: 'text/event-stream' }
  try {
    const answer = await fetch(url, { headers, signal })
    for await (const { event, data } of readEvents(bodyOf(answer))) {
      if (event === 'line') numbers.push(Number((JSON.parse(data) as { text: string }).text))
    }
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Numbers that do not follow the one before. */
function countGaps(numbers: readonly number[]): number {
  return numbers.filter((number, at) => at > 0 && number !== (numbers[at - 1] ?? 0) + 1).length
}
