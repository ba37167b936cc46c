/** Whether memory grows while connections come and go: the most, and the slope at the end. */
import { setInterval } from 'node:timers'
import type { Figure } from '../../scenarios/report.ts'
import { memoryOf } from '../../scenarios/stream-bodies.ts'
import { runWrk } from './load-tools.ts'
import type { Arm } from './proxy-arms.ts'

const megabyte = 1_000_000
const sampleMs = 250

interface Sample {
  readonly second: number
  readonly bytes: number
}

/** A new connection per request, by 64 clients at once, for so long. */
export async function measureChurn(arm: Arm, seconds: number): Promise<Figure[]> {
  const idle = memoryOf(arm.pid)
  const samples: Sample[] = []
  const begun = performance.now()
  const timer = setInterval(() => {
    samples.push({ second: (performance.now() - begun) / 1000, bytes: memoryOf(arm.pid) })
  }, sampleMs)
  const headers = ['Connection: close']
  const url = `http://127.0.0.1:${arm.port}/`
  const { requests } = await runWrk(url, { connections: 64, seconds, headers }).finally(() =>
    clearInterval(timer),
  )
  const most = Math.max(...samples.map(({ bytes }) => bytes))
  const half = samples.slice(Math.floor(samples.length / 2))
  const work = 'connection churn'
  return [
    { name: `${work}: connections`, value: requests, unit: '' },
    { name: `${work}: memory before`, value: idle / megabyte, unit: 'MB' },
    { name: `${work}: most memory`, value: most / megabyte, unit: 'MB', limit: 150 },
    {
      name: `${work}: growth in the second half`,
      value: (slopeOf(half) * 60) / megabyte,
      ...{ unit: 'MB/min', limit: 5 },
    },
  ]
}

/** Bytes per second, by least squares. */
function slopeOf(samples: readonly Sample[]): number {
  const { length } = samples
  const meanX = samples.reduce((sum, { second }) => sum + second, 0) / length
  const meanY = samples.reduce((sum, { bytes }) => sum + bytes, 0) / length
  let [above, below] = [0, 0]
  for (const { second, bytes } of samples) {
    above += (second - meanX) * (bytes - meanY)
    below += (second - meanX) ** 2
  }
  return below === 0 ? 0 : above / below
}
