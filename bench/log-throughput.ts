/**
 * How fast the log path is: an app writes lines as fast as it can into the keeper's pipe, a
 * keeper's thread stamps them into rotating files. Prints MB/s, and the longest time that the app
 * waited.
 *
 * Run: node bench/log-throughput.ts [--lines 2000000] [--bytes 100]. Goal: at least 50 MB/s.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  makeInstanceFiles,
  openShimFiles,
} from '../packages/viaduct/src/keeper/instances/instance-files.ts'
import { LogPipes } from '../packages/viaduct/src/keeper/instances/log-pipes.ts'
import type { LogLine } from '../packages/viaduct/src/logs/line-format.ts'
import { readLog } from '../packages/viaduct/src/logs/read-log.ts'
import { SharedWriters } from '../packages/viaduct/src/logs/shared-writers.ts'
import { logFileMaxBytes } from '../packages/viaduct/src/model/limits.ts'
import { numberOption, report } from './scenarios/report.ts'

const lines = numberOption('lines', 2_000_000)
const bytes = numberOption('bytes', 100)
const goalMbPerSecond = 50

// A blocking writer, as most languages have: the time of a write is the time that the app waited.
const app = `
  const line = Buffer.from('x'.repeat(${bytes} - 1) + '\\n')
  const perWrite = Math.max(1, Math.floor(4096 / line.length))
  const block = Buffer.concat(Array.from({ length: perWrite }, () => line))
  const { writeSync } = require('node:fs')
  let longest = 0
  for (let sent = 0; sent < ${lines}; sent += perWrite) {
    const start = performance.now()
    writeSync(1, block)
    longest = Math.max(longest, performance.now() - start)
  }
  writeSync(2, 'longest ' + longest.toFixed(1) + '\\n')`

const folder = await mkdtemp(join(tmpdir(), 'viaduct-bench-'))
try {
  const dir = join(folder, 'i')
  await makeInstanceFiles(dir, null)
  const files = await openShimFiles(dir)
  const writers = new SharedWriters({ maxBytes: logFileMaxBytes, filesKept: 1_000 })
  const logFile = join(folder, 'logs', 'app.log')
  const pipes = LogPipes.open({ dir, source: 'web.1', log: writers.share(logFile) })
  const started = performance.now()
  const cpu = process.cpuUsage()
  const stdio = ['ignore', files.stdout.fd, files.stderr.fd] as const
  const child = spawn(process.execPath, ['-e', app], { stdio: [...stdio] })
  for (const file of Object.values(files)) await file.close()
  await new Promise((resolve) => child.once('exit', resolve))
  const complete = await pipes.finish(60_000)
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  let written = 0
  for (const name of await readdir(join(folder, 'logs'))) {
    written += (await stat(join(folder, 'logs', name))).size
  }
  let longestMs = NaN
  const filter = (line: LogLine): boolean => line.stream === 'stderr'
  for await (const { text } of readLog({ file: logFile, lines: 1, filter })) {
    longestMs = Number(text.replace('longest ', ''))
  }
  const megabytes = (lines * bytes) / 1e6
  report('log-throughput', [
    { name: 'lines', value: lines, unit: '' },
    {
      name: "from the app, Node.js' start included",
      value: megabytes / seconds,
      unit: 'MB/s',
      least: goalMbPerSecond,
    },
    { name: 'to the disk, with stamps', value: written / 1e6, unit: 'MB' },
    { name: 'incomplete logs', value: complete ? 0 : 1, unit: '', limit: 0 },
    { name: "keeper's CPU", value: (user + system) / 1e6, unit: 's' },
    { name: 'longest wait of the app in one write', value: longestMs, unit: 'ms' },
  ])
} finally {
  await rm(folder, { recursive: true, force: true })
}
