/**
 * Does the embeddable library lose requests in reloads, leave processes behind, leak, or cost much?
 * `npm run proof -- supervise [--reloads 100] [--requests 500000] [--kill-seconds 60]
 * [--cycles 1000] [--messages 200000] [--only reloads,pm2,drover,kills,cycles,costs]`: reloads of
 * each arm, requests of all. Takes about twelve minutes; `--reloads 5 --requests 20000 --only
 * reloads` twenty seconds.
 */
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { BuiltPackage } from '../../packages/supervise/test/built-package.ts'
import { type Figure, listOption, numberOption, quantile, report } from '../scenarios/report.ts'
import { type Pm2Result, reloadWithPm2 } from './supervise/pm2.ts'
import * as scenarios from './supervise/scenarios.ts'

setFlagsFromString('--expose-gc')
Reflect.set(globalThis, 'gc', runInNewContext('gc'))

/** Beyond the boot of the new workers. */
const afterBootMaxMs = 1000
/** A megabyte of noise; a leak of 10 kB per cycle would be nine. */
const heapGrowthMax = 2 ** 20

const arms = [
  { schedulingPolicy: 'none', count: 1 },
  { schedulingPolicy: 'none', count: 4 },
  { schedulingPolicy: 'rr', count: 1 },
  { schedulingPolicy: 'rr', count: 4 },
] as const

await using built = await BuiltPackage.build()
const require_ = createRequire(import.meta.url)
const library = require_(join(built.compiled, 'supervise.js')) as scenarios.Library

const parts = {
  reloads: reloadFigures,
  pm2: pm2Figures,
  drover: droverFigures,
  kills: killFigures,
  cycles: cycleFigures,
  costs: costFigures,
}
const only = listOption('only')
const figures: Figure[] = []
for (const [name, measure] of Object.entries(parts)) {
  if (only.length === 0 || only.includes(name)) figures.push(...(await measure()))
}
report('supervise', figures)

async function reloadFigures(): Promise<Figure[]> {
  const reloads = numberOption('reloads', 100)
  const requestsMin = Math.ceil(numberOption('requests', 500_000) / arms.length)
  const figures: Figure[] = []
  let requests = 0
  for (const arm of arms) {
    const result = await scenarios.reloadUnderLoad(library, { ...arm, reloads, requestsMin })
    const name = `${arm.schedulingPolicy}, ${arm.count} workers`
    if (result.failed > 0) process.stderr.write(`${name}: ${JSON.stringify(result.totals)}\n`)
    requests += result.totals.requests
    const { reloadMs, afterBootMs, failed } = result
    figures.push(
      { name: `${name}: reloads`, value: reloadMs.length, unit: '', least: reloads },
      { name: `${name}: requests in reloads`, value: result.totals.requests, unit: '' },
      { name: `${name}: failed`, value: failed, unit: '', limit: 0 },
      { name: `${name}: reload, median`, value: quantile(reloadMs, 0.5), unit: 'ms' },
      {
        name: `${name}: reload without boot, longest`,
        value: afterBootMs,
        unit: 'ms',
        limit: afterBootMaxMs,
      },
    )
  }
  const least = requestsMin * arms.length
  figures.push({ name: 'requests in reloads', value: requests, unit: '', least })
  return figures
}

async function pm2Figures(): Promise<Figure[]> {
  const reloads = Math.ceil(numberOption('reloads', 100) / 10)
  const result: Pm2Result | null = await reloadWithPm2(4, reloads)
  if (result === null) return []
  return [
    { name: `PM2, 4 workers, ${reloads} reloads: requests`, value: result.requests, unit: '' },
    { name: 'PM2, 4 workers: failed', value: result.failed, unit: '' },
    { name: 'PM2, 4 workers: reload, median', value: quantile(result.reloadMs, 0.5), unit: 'ms' },
  ]
}

/** Measured once on a copy of it; it cannot be installed. With keep-alive its reload never ends. */
function droverFigures(): Figure[] {
  const what = 'drover 1.0.0, 3 workers, 3 reloads, no keep-alive'
  return [
    { name: `${what}: requests`, value: 23_417, unit: '' },
    { name: `${what}: failed`, value: 34, unit: '' },
    { name: `${what}: reload, median`, value: 430, unit: 'ms' },
  ]
}

async function killFigures(): Promise<Figure[]> {
  const seconds = numberOption('kill-seconds', 60)
  const { kills, missing, left } = await scenarios.killAtRandom(library, seconds * 1000)
  return [
    { name: `workers killed at random in ${seconds} s`, value: kills, unit: '' },
    { name: 'workers missing afterwards', value: missing, unit: '', limit: 0 },
    { name: 'processes 5 s after the hard shutdown', value: left, unit: '', limit: 0 },
  ]
}

async function cycleFigures(): Promise<Figure[]> {
  const cycles = numberOption('cycles', 1000)
  const { early, late } = await scenarios.startAndStop(library, cycles)
  const grown = (key: keyof scenarios.Footprint): number => late[key] - early[key]
  return [
    {
      name: `${cycles} starts and stops: heap grown`,
      value: grown('heapBytes'),
      unit: 'bytes',
      limit: heapGrowthMax,
    },
    {
      name: `${cycles} starts and stops: handles grown`,
      value: grown('handles'),
      unit: '',
      limit: 0,
    },
    {
      name: `${cycles} starts and stops: descriptors grown`,
      value: grown('descriptors'),
      unit: '',
      limit: 0,
    },
    {
      name: `${cycles} starts and stops: children and zombies`,
      value: late.children,
      unit: '',
      limit: 0,
    },
  ]
}

async function costFigures(): Promise<Figure[]> {
  const idle = await scenarios.measureIdle(library, numberOption('idle-seconds', 30) * 1000)
  const rate = await scenarios.measureMessages(library, numberOption('messages', 200_000))
  return [
    { name: 'CPU of a master with 8 idle workers', value: idle, unit: '%', limit: 0.2 },
    { name: 'messages to one worker', value: rate, unit: '/s', least: 50_000 },
  ]
}
