/**
 * The same work on PM2's cluster mode: `pm2 reload`, under the same clients. PM2 is installed into
 * a cache folder for this measurement alone; where it cannot be had, nothing is measured.
 */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { homedir, tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../../packages/supervise/src/fixtures/test-master.ts'
import { countFailures, startClients } from './clients.ts'

const version = '6.0.14'
const commandTimeoutMs = 180_000
const app = join(import.meta.dirname, 'app.cjs')

export interface Pm2Result {
  readonly requests: number
  readonly failed: number
  readonly reloadMs: readonly number[]
}

/** @returns null, and says so on stderr, when PM2 cannot be installed or does not start. */
export async function reloadWithPm2(count: number, reloads: number): Promise<Pm2Result | null> {
  const program = await findPm2()
  if (program === null) return null
  const home = await mkdtemp(join(tmpdir(), 'viaduct-pm2-'))
  const port = await freePort()
  const env = { ...process.env, PM2_HOME: home, PORT: String(port) }
  const pm2 = async (...words: string[]): Promise<number> => {
    return await run(process.execPath, [program, ...words], env)
  }
  try {
    const flags = ['--name', 'app', '-i', String(count), '--wait-ready', '--listen-timeout', '8000']
    if ((await pm2('start', app, ...flags)) !== 0) return skip('it does not start')
    const clients = startClients(port, 50)
    const reloadMs: number[] = []
    for (let done = 0; done < reloads; done++) {
      const began = performance.now()
      await pm2('reload', 'app')
      reloadMs.push(performance.now() - began)
    }
    const totals = await clients.stop()
    return { requests: totals.requests, failed: countFailures(totals), reloadMs }
  } finally {
    await pm2('kill')
    await rm(home, { recursive: true, force: true })
  }
}

async function findPm2(): Promise<string | null> {
  const cache = join(
    process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'),
    'viaduct-bench',
    'pm2',
  )
  const program = join(cache, 'node_modules/pm2/bin/pm2')
  if (existsSync(program)) return program
  await mkdir(cache, { recursive: true })
  const flags = ['--no-save', '--no-audit', '--no-fund', '--ignore-scripts', '--prefix', cache]
  const code = await run('npm', ['install', ...flags, `pm2@${version}`], process.env)
  return code === 0 && existsSync(program) ? program : skip('npm could not install it')
}

function skip(why: string): null {
  process.stderr.write(`*** SKIPPED: PM2 was not measured, ${why}\n`)
  return null
}

async function run(
  command: string,
  words: readonly string[],
  env: NodeJS.ProcessEnv,
): Promise<number> {
  const child = spawn(command, words, { env, stdio: 'ignore', timeout: commandTimeoutMs })
  return await new Promise((resolve) => {
    child.on('error', () => resolve(-1))
    child.on('close', (code) => resolve(code ?? -1))
  })
}
