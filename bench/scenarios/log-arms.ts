/**
 * The same writer into two readers: the keeper's log path (pipe, stamps, rotating files), run here
 * as the keeper runs it, and `cat > FILE`, the least that a reader can do.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  makeInstanceFiles,
  openShimFiles,
} from '../../packages/viaduct/src/keeper/instances/instance-files.ts'
import { LogPipes } from '../../packages/viaduct/src/keeper/instances/log-pipes.ts'
import { SharedWriters } from '../../packages/viaduct/src/logs/shared-writers.ts'
import { logFileMaxBytes } from '../../packages/viaduct/src/model/limits.ts'
import type { WriterResult } from './log-writer.ts'

export interface WriterOptions {
  readonly megabytes: number
  /** 0: as fast as it can. */
  readonly perSecond: number
}

export interface KeeperArmResult extends WriterResult {
  /** From the first write until all is on the disk. */
  readonly totalSeconds: number
  /** With stamps. */
  readonly bytesOnDisk: number
  readonly cpuSeconds: number
  readonly complete: boolean
}

const writer = join(import.meta.dirname, 'log-writer.ts')
const drainMs = 60_000

/** The writer into the keeper's log path. */
export async function keeperArm(options: WriterOptions): Promise<KeeperArmResult> {
  return await inFolder(async (folder) => {
    const dir = join(folder, 'i')
    await makeInstanceFiles(dir, null)
    const files = await openShimFiles(dir)
    // Nothing is rotated away, so that what is on the disk can be compared.
    const writers = new SharedWriters({ maxBytes: logFileMaxBytes, filesKept: Infinity })
    const logs = join(folder, 'logs')
    const log = writers.share(join(logs, 'app.log'))
    const pipes = LogPipes.open({ dir, source: 'web.1', log })
    const cpu = process.cpuUsage()
    const result = resultOf(
      spawn(process.execPath, wordsOf(options), {
        stdio: ['ignore', files.stdout.fd, 'pipe'],
      }),
    )
    for (const file of Object.values(files)) await file.close()
    const said = await result
    const ended = performance.now()
    const complete = await pipes.finish(drainMs)
    const { user, system } = process.cpuUsage(cpu)
    const totalSeconds = said.seconds + (performance.now() - ended) / 1000
    const cpuSeconds = (user + system) / 1e6
    return { ...said, totalSeconds, bytesOnDisk: await sizeOf(logs), cpuSeconds, complete }
  })
}

/** The writer into `cat > FILE`. */
export async function catArm(options: WriterOptions): Promise<WriterResult> {
  return await inFolder(async (folder) => {
    // A real pipe: what Node.js makes for its children is a socket.
    const pipeline = 'out=$1; shift; "$@" | cat > "$out"'
    const words = [join(folder, 'out'), process.execPath, ...wordsOf(options)]
    const child = spawn('sh', ['-c', pipeline, 'sh', ...words], {
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    return await resultOf(child)
  })
}

function wordsOf({ megabytes, perSecond }: WriterOptions): string[] {
  return [writer, String(megabytes), String(perSecond)]
}

function resultOf(child: ChildProcess): Promise<WriterResult> {
  let said = ''
  child.stderr?.on('data', (chunk) => (said += String(chunk)))
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('close', (code) => {
      if (code === 0) resolve(JSON.parse(said) as WriterResult)
      else reject(new Error(`The writer ended with ${code}: ${said}`))
    })
  })
}

async function sizeOf(folder: string): Promise<number> {
  const names = await readdir(folder)
  const sizes = await Promise.all(names.map((name) => stat(join(folder, name))))
  return sizes.reduce((sum, { size }) => sum + size, 0)
}

async function inFolder<T>(work: (folder: string) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'viaduct-bench-'))
  try {
    return await work(folder)
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
