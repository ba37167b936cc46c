import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, test } from 'node:test'
import type { InstanceExit } from '../../model/instance.ts'
import type { ListeningSocket, ReadinessReport } from '../../model/readiness.ts'
import { advise } from './advise.ts'
import { explainExit } from './explain-exit.ts'
import { renderReadinessReport } from './render-readiness-report.ts'
import { reportNotReady } from './report-not-ready.ts'

const dir = await mkdtemp(join(tmpdir(), 'viaduct-diagnose-'))
after(() => rm(dir, { recursive: true }))

const refused = [{ result: 'refused', count: 212, fromMs: 0, toMs: 1234 }]

function exited(exit: Partial<InstanceExit>): InstanceExit {
  return { reason: 'code', code: null, signal: null, killed: false, at: 0, ...exit }
}

async function startApp(source: string): Promise<{ pid: number; port: number } & AsyncDisposable> {
  const child = spawn(process.execPath, ['-e', source], { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  const [chunk] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    pid: child.pid!,
    port: Number(chunk.toString()),
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await closed
    },
  }
}

function listenSource(host: string): string {
  return `require('node:net').createServer().listen(0, '${host}', function () { console.log(this.address().port) })`
}

function report(pid: number, expectedPort: number): Promise<ReadinessReport> {
  return reportNotReady({
    pids: [pid],
    expectedPort,
    expectedHost: '127.0.0.1',
    attempts: refused,
    exit: null,
    logFile: join(dir, 'none.log'),
    source: 'web.1',
  })
}

test('an app that listens on another port is told which, and where its port is', async () => {
  await using app = await startApp(listenSource('127.0.0.1'))
  const found = await report(app.pid, 20_101)
  assert.equal(
    found.advice,
    `It listens on 127.0.0.1:${app.port}, but PORT was 20101: ` +
      "use process.env.PORT (or your language's way to read the variable PORT)",
  )
  assert.deepEqual(renderReadinessReport(found), [
    `${found.advice}.`,
    'Tried 127.0.0.1:20101:',
    '  refused ×212 from 0 to 1.2 s',
    'It wrote nothing.',
  ])
})

test('an app that listens on the right port of another address is told so', async () => {
  await using app = await startApp(listenSource('::1'))
  const found = await report(app.pid, app.port)
  assert.match(found.advice!, new RegExp(`^It listens on \\[::1\\]:${app.port}, but requests come`))
  assert.match(found.advice!, /listen on 0\.0\.0\.0/)
})

test('an app that runs and listens on nothing is told so', async () => {
  await using app = await startApp(`console.log(1); setInterval(() => {}, 1000)`)
  const found = await report(app.pid, 20_101)
  assert.match(found.advice!, /listens on no TCP port; PORT was 20101/)
})

test('gives the last 20 lines of the instance, not those of others nor of earlier ones', async () => {
  const logFile = join(dir, 'app.log')
  const stamp = (second: number): string =>
    new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString()
  const lines = Array.from(
    { length: 30 },
    (_, i) =>
      `${stamp(i)} web.1 ${i % 2 ? 'stderr' : 'stdout'} line ${i}\n${stamp(i)} worker.1 stdout no\n`,
  )
  await writeFile(logFile, lines.join(''))
  const options = {
    pids: [],
    expectedPort: 20_101,
    expectedHost: '127.0.0.1',
    attempts: refused,
    exit: exited({ code: 127 }),
    logFile,
    source: 'web.1',
  }
  const found = await reportNotReady(options)
  assert.equal(found.log.length, 20)
  assert.deepEqual(found.log[0], { stream: 'stdout', text: 'line 10' })
  assert.deepEqual(found.log[19], { stream: 'stderr', text: 'line 29' })
  assert.equal(found.advice, null)
  const rendered = renderReadinessReport(found)
  assert.match(rendered[0]!, /^It exited with code 127\. The shell did not find the command/)
  assert.equal(rendered.at(-21), 'Its last 20 lines:')
  assert.equal(rendered.at(-1), '  line 29')
  const later = await reportNotReady({ ...options, since: Date.UTC(2026, 0, 1, 0, 0, 28) })
  assert.deepEqual(
    later.log.map((line) => line.text),
    ['line 28', 'line 29'],
  )
})

test('codes and signals are explained, also those that a shell reports for its child', () => {
  const cases: [Partial<InstanceExit>, RegExp | null][] = [
    [{ code: 0 }, /without an error/],
    [{ code: 1 }, null],
    [{ code: 126 }, /executable/],
    [{ code: 127 }, /did not find the command/],
    [{ code: 137 }, /SIGKILL.*memory/],
    [{ code: 139 }, /SIGSEGV/],
    [{ code: 143 }, /SIGTERM/],
    [{ code: 255 }, null],
    [{ reason: 'signal', signal: 'SIGKILL' }, /memory/],
    [{ reason: 'signal', signal: 'SIGUSR1' }, /died by SIGUSR1/],
    [{ reason: 'spawn-failed' }, /could not be started/],
  ]
  for (const [exit, meaning] of cases) {
    const said = explainExit(exited(exit))
    if (meaning === null) assert.equal(said, null)
    else assert.match(said ?? '', meaning)
  }
  assert.equal(explainExit(null), null)
})

test('an app that listens as it was told is told what failed instead', () => {
  const listening: ListeningSocket[] = [{ address: '0.0.0.0', port: 20_101, pid: 1 }]
  const say = (result: string): string | null =>
    advise({
      expected: { host: '127.0.0.1', port: 20_101 },
      attempts: [...refused, { result, count: 1, fromMs: 0, toMs: 0 }],
      exit: null,
      exitMeaning: null,
      log: [],
      listening,
    })
  assert.match(say('500')!, /as it was told, but the health check answers 500/)
  assert.match(say('timed out')!, /does not answer in time/)
  assert.match(say('not HTTP')!, /is not HTTP/)
  assert.match(say('reset')!, /closes the connection/)
  assert.match(say('refused')!, /refuses connections/)
  assert.match(say('mixed')!, /as it was told, but was not ready in time/)
  listening[0] = { address: '::', port: 20_101, pid: 1 }
  assert.match(say('500')!, /listens on \[::\]:20101 as it was told/)
})

test('of many other ports five are named, each once', () => {
  const listening = [1, 1, 2, 3, 4, 5, 6, 7].map((port) => ({ address: '::1', port, pid: 1 }))
  const expected = { host: '127.0.0.1', port: 20_101 }
  const facts = { expected, attempts: refused, exit: null, exitMeaning: null, log: [], listening }
  const shown = [1, 2, 3, 4, 5].map((port) => `[::1]:${port}`).join(', ')
  assert.ok(advise(facts)?.startsWith(`It listens on ${shown} and 2 more, but PORT was`))
})

test('a report of one attempt, one line or no start at all is said so', () => {
  const base = { expected: { host: '127.0.0.1', port: 20_101 }, listening: [], advice: null }
  const one = {
    ...base,
    exit: null,
    exitMeaning: null,
    attempts: [{ result: '500', count: 1, fromMs: 1_260, toMs: 1_260 }],
    log: [{ stream: 'stdout', text: 'hello' }],
  }
  assert.deepEqual(renderReadinessReport(one), [
    'Tried 127.0.0.1:20101:',
    '  500 at 1.3 s',
    'It wrote:',
    '  hello',
  ])
  const exit = exited({ reason: 'spawn-failed' })
  const none = { ...base, exit, exitMeaning: explainExit(exit), attempts: [], log: [] }
  assert.deepEqual(renderReadinessReport(none), [
    'It was not started. It could not be started at all.',
    'Nothing was tried on 127.0.0.1:20101 before that.',
    'It wrote nothing.',
  ])
})
