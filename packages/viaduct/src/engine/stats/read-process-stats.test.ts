import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { statsParallelReads } from '../../model/limits.ts'
import { ProcessStatsSampler, readProcessStats } from './read-process-stats.ts'

async function start(source: string): Promise<{ pid: number } & AsyncDisposable> {
  const child: ChildProcess = spawn(process.execPath, ['-e', source], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const closed = once(child, 'close')
  await once(child.stdout!, 'data')
  return {
    pid: child.pid!,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await closed
    },
  }
}

/** Waits for CPU time that was really given: a loaded machine is no reason to fail. */
async function usedCpu(pid: number, ms: number): Promise<void> {
  const used = async (): Promise<number> => (await readProcessStats([pid]))[0]!.cpuMs
  const before = await used()
  const limit = performance.now() + 10_000
  while ((await used()) < before + ms) {
    assert.ok(performance.now() < limit)
    await sleep(10)
  }
}

const idle = `console.log(1); setInterval(() => {}, 1000)`
const busy = `console.log(1); for (;;) {}`

test('reads CPU time and memory, and passes over processes that are gone', async () => {
  await using app = await start(`
    globalThis.kept = Buffer.alloc(64 * 1024 * 1024, 1)
    const end = Date.now() + 150; while (Date.now() < end);
    ${idle}`)
  const found = await readProcessStats([app.pid, 2 ** 30, process.pid])
  assert.deepEqual(
    found.map((usage) => usage.pid),
    [app.pid, process.pid],
  )
  assert.ok(found[0]!.memoryBytes > 64 * 1024 * 1024, `${found[0]!.memoryBytes}`)
  assert.ok(found[0]!.memoryBytes < 512 * 1024 * 1024)
  assert.ok(found[0]!.cpuMs >= 50 && found[0]!.cpuMs < 60_000, `${found[0]!.cpuMs}`)
})

test('a zombie counts as gone', async () => {
  // Perl is on every Debian; Node.js would collect its child.
  const script = '$| = 1; $p = fork; exit 0 unless $p; print "$p\\n"; sleep 60'
  const parent = spawn('perl', ['-e', script])
  const closed = once(parent, 'close')
  try {
    const [chunk] = (await once(parent.stdout, 'data')) as [Buffer]
    const pid = Number(chunk.toString())
    const limit = performance.now() + 5_000
    while (!(await readFile(`/proc/${pid}/stat`, 'utf8')).includes(') Z ')) {
      assert.ok(performance.now() < limit)
      await sleep(5)
    }
    assert.deepEqual(await readProcessStats([pid]), [])
  } finally {
    parent.kill('SIGKILL')
    await closed
  }
})

test('two samples give the share of a core, and an idle process has next to none', async () => {
  await using loop = await start(busy)
  await using still = await start(idle)
  const sampler = new ProcessStatsSampler()
  const trees = new Map([
    ['busy', [loop.pid]],
    ['still', [still.pid]],
    ['gone', [2 ** 30]],
  ])
  const startedAt = performance.now()
  const first = await sampler.sample(trees)
  assert.equal(first.get('busy')!.cpuPercent, 0)
  await usedCpu(loop.pid, 100)
  const second = await sampler.sample(trees)
  const share = second.get('busy')!.cpuPercent
  // It had 100 ms of CPU at least, in at most the time since the first sample began.
  const least = (100 * 100) / (performance.now() - startedAt)
  assert.ok(share > least - 0.1 && share < 130, `${share} %, not ${least}`)
  assert.ok(second.get('still')!.cpuPercent < share)
  assert.equal(second.get('busy')!.processes, 1)
  assert.ok(second.get('busy')!.cpuSeconds >= 0.1)
  const none = { processes: 0, cpuPercent: 0, cpuSeconds: 0, memoryBytes: 0 }
  assert.deepEqual(second.get('gone'), none)
  // What a process of it had used is not given back when the process ends.
  const later = await sampler.sample(new Map([['busy', [still.pid]]]))
  assert.ok(later.get('busy')!.cpuSeconds >= second.get('busy')!.cpuSeconds)
  await sampler.sample(new Map())
  await usedCpu(loop.pid, 20)
  const forgotten = await sampler.sample(trees)
  assert.equal(forgotten.get('busy')!.cpuPercent, 0)
})

test('children that ended count, and never make the share negative', async () => {
  await using app = await start(`
    const { spawnSync } = require('node:child_process')
    spawnSync(process.execPath, ['-e', 'const end = Date.now() + 200; while (Date.now() < end);'])
    ${idle}`)
  const own = (await readProcessStats([app.pid]))[0]!.cpuMs
  assert.ok(own >= 60, `${own} ms`)
  const sampler = new ProcessStatsSampler()
  await sampler.sample(new Map([['app', [app.pid, process.pid]]]))
  const later = await sampler.sample(new Map([['app', [app.pid]]]))
  assert.equal(later.get('app')!.cpuPercent, 0)
})

test('a name with a parenthesis and spaces is no reason to take a process for gone', async () => {
  await using app = await start(`process.title = 'a) Z 1 (b'; ${idle}`)
  assert.match(await readFile(`/proc/${app.pid}/stat`, 'utf8'), /\(a\) Z 1 \(b\)/)
  assert.equal((await readProcessStats([app.pid])).length, 1)
})

test('memory is the proportional size, in bytes, also of many processes', async () => {
  await using app = await start(idle)
  const pids = Array.from({ length: 3 * statsParallelReads + 1 }, () => app.pid)
  const found = await readProcessStats(pids)
  assert.equal(found.length, pids.length)
  const rollup = await readFile(`/proc/${app.pid}/smaps_rollup`, 'utf8')
  const bytes = Number(/^Pss: +(\d+) kB/m.exec(rollup)?.[1]) * 1024
  const ratio = found.at(-1)!.memoryBytes / bytes
  assert.ok(Math.abs(ratio - 1) < 0.02, `${ratio}`)
})
