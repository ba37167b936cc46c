/** The attacks of slowhttptest, each with a thousand connections, while others are served. */
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { ProxyProcess } from '../../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { debianTool } from '../../../tools/debian-tools.ts'
import type { Figure } from '../../scenarios/report.ts'
import { probe } from './probe.ts'

const connections = 1_000

/** Connections of the probe itself, at most. */
const ownMax = 2
const lookEveryMs = 250

const attacks = [
  { name: 'slow head', flags: ['-H', '-i', '5', '-l', '50'], path: '/' },
  { name: 'slow body', flags: ['-B', '-i', '20', '-s', '100000', '-l', '30'], path: '/' },
  {
    ...{ name: 'slow read', path: '/large' },
    flags: ['-X', '-w', '1', '-y', '10', '-n', '8', '-z', '1', '-l', '25'],
  },
  { name: 'range', flags: ['-R', '-a', '5', '-b', '2000', '-l', '20'], path: '/large' },
] as const

/** @returns null where the tool cannot be had. */
export async function runAttacks(proxy: ProxyProcess): Promise<Figure[] | null> {
  const { port } = proxy
  const tool = await debianTool('slowhttptest')
  if (!tool) return null
  const figures: Figure[] = []
  for (const { name, flags, path } of attacks) {
    const stop = new AbortController()
    const others = probe(port, stop.signal)
    const url = `http://127.0.0.1:${port}${path}`
    const args = [...flags, '-c', `${connections}`, '-r', '500', '-p', '20', '-u', url]
    const watched = watch(proxy, stop.signal)
    const said = await run(tool.command, args, { ...process.env, ...tool.env })
    stop.abort()
    const seen = await watched
    const left = said.includes('No open connections left') ? 0 : seen.left
    const { requests, failures, p99 } = await others
    for (const failure of failures.slice(0, 3)) process.stderr.write(`${name}: ${failure}\n`)
    figures.push(
      { name: `${name}: connections`, value: seen.most, unit: '', least: 1 },
      { name: `${name}: of these left`, value: left, unit: '', limit: 0 },
      { name: `${name}: requests of others`, value: requests, unit: '', least: 1 },
      { name: `${name}: failed ones of these`, value: failures.length, unit: '', limit: 0 },
      { name: `${name}: their p99`, value: p99, unit: 'ms' },
    )
  }
  return figures
}

/**
 * How many connections the proxy has at the most, and at the least after that. The tool ends when
 * it sees that all are closed; a reset of what it does not read it does not see.
 */
async function watch(
  proxy: ProxyProcess,
  signal: AbortSignal,
): Promise<{ most: number; left: number }> {
  const control = await proxy.connect()
  let [most, left] = [0, 0]
  while (!signal.aborted) {
    const { connections: now } = await control.call('stats', null)
    if (now > most) most = left = now
    left = Math.min(left, now)
    await sleep(lookEveryMs)
  }
  control.close()
  return { most, left: Math.max(0, left - ownMax) }
}

async function run(
  command: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<string> {
  const cwd = await mkdtemp(join(tmpdir(), 'viaduct-slow-'))
  const child = spawn(command, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let said = ''
  child.stdout.on('data', (chunk) => (said += String(chunk)))
  child.stderr.on('data', (chunk) => (said += String(chunk)))
  await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', resolve)
  })
  await rm(cwd, { recursive: true })
  return said
}
