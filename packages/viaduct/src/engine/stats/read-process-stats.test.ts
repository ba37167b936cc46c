import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
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
  const first = await sampler.sample(trees)
  assert.equal(first.get('busy')!.cpuPercent, 0)
  const before = await readProcessStats([loop.pid])
  // Waits for CPU time that was really given, so that a loaded machine is no reason to fail.
  const limit = performance.now() + 10_000
  while ((await readProcessStats([loop.pid]))[0]!.cpuMs < before[0]!.cpuMs + 100) {
    assert.ok(performance.now() < limit)
    await sleep(10)
  }
  const second = await sampler.sample(trees)
  const share = second.get('busy')!.cpuPercent
  assert.ok(share > 1 && share < 130, `${share} %`)
  assert.ok(second.get('still')!.cpuPercent < share)
  assert.equal(second.get('busy')!.processes, 1)
  assert.deepEqual(second.get('gone'), { processes: 0, cpuPercent: 0, memoryBytes: 0 })
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
