/**
 * Every case of `cases/` against a real proxy process: what the client sees, and what the instance
 * saw. What is refused is sent again with a request behind it, which must not come through; what is
 * marked `split` is cut at each of its bytes.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { after, describe, test } from 'node:test'
import type { AppName } from '../../packages/viaduct/src/model/ids.ts'
import { startProxyProcess } from '../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { routeTable } from '../../packages/viaduct/src/proxy/fixtures/route-table.ts'
import { bytesOf, type Case, readCases, type Step } from './case-file.ts'
import { isRefused, judge, judgeNext } from './judge.ts'
import { Recorder } from './recorder.ts'
import { type Outcome, runCase } from './run-case.ts'

const casesMin = 300
/** Each of them is sent as often as it has bytes. */
const splitCasesMin = 12
const smuggled = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'

const cases = await readCases()
const recorder = await new Recorder().start()
const hosts = ['a', 'app.localhost', 'xn--bcher-kva.localhost', '127.0.0.1', '[::1]']
const table = routeTable(1, [{ hosts, ports: [recorder.port] }], { defaultApp: null })
const proxy = await startProxyProcess(table)
const where = { port: proxy.port, recorder }
const sums = { passed: 0, refused: 0, cuts: 0 }

after(async () => {
  await proxy[Symbol.asyncDispose]()
  await recorder[Symbol.asyncDispose]()
})

for (const [group, list] of Object.entries(Object.groupBy(cases, (each) => each.group))) {
  describe(group, () => {
    for (const each of list ?? []) {
      test(`${each.name} (${each.rfc})`, { todo: each.todo || false }, async () => {
        await runWhole(each)
        if (isRefused(each)) await runWithMore(each)
        if (each.split) await runSplit(each)
        sums.passed++
      })
    }
  })
}

test('the instance was never sent what two programs could read in two ways', () => {
  assert.deepEqual(recorder.complaints, [])
})

test('the proxy still runs, and wrote one line of JSON for each request', async () => {
  assert.equal(proxy.child.exitCode, null)
  proxy.child.kill('SIGTERM')
  assert.equal(await proxy.exited, 0)
  const lines = await readLog()
  for (const line of lines) assert.equal(typeof JSON.parse(line), 'object', line)
  assert.ok(lines.length > cases.length, String(lines.length))
})

test('the table is whole', (t) => {
  const names = new Set(cases.map(({ group, name }) => `${group}: ${name}`))
  assert.equal(names.size, cases.length, 'Two cases have one name')
  assert.ok(cases.length >= casesMin, `${cases.length} cases`)
  assert.ok(cases.filter(({ split }) => split).length >= splitCasesMin)
  t.diagnostic(
    `conformance: ${cases.length} cases, ${sums.passed} passed, ${sums.refused} of them refused ` +
      `also with a request behind, ${sums.cuts} cuts`,
  )
})

async function runWhole(each: Case): Promise<void> {
  assert.deepEqual(judge(each, await run(each, each.sent)), [])
}

/** The same again, and in the same piece what an attacker would like to be taken as a request. */
async function runWithMore(each: Case): Promise<void> {
  const last = each.sent.at(-1)
  const sent = typeof last === 'object' ? last.send : ''
  const steps = [...each.sent.slice(0, -1), { send: sent + smuggled }]
  const outcome = await run(each, steps)
  const targets = outcome.requests.map(({ target }) => target)
  assert.ok(!targets.includes('/smuggled'), 'What follows was taken as a request')
  assert.equal(outcome.answers.length, each.answers.length, outcome.answers.join())
  assert.match(outcome.answers.at(-1) ?? '', /^4\d\d:/)
  assert.equal(outcome.ending, 'closed')
  assert.deepEqual(judgeNext(outcome), [])
  sums.refused++
}

async function runSplit(each: Case): Promise<void> {
  const bytes = bytesOf(each.sent)
  for (let cut = 1; cut < bytes.length; cut++) {
    const steps: Step[] = [{ send: bytes.slice(0, cut) }, 'pause', { send: bytes.slice(cut) }]
    assert.deepEqual(judge(each, await run(each, steps, true)), [], `cut at byte ${cut}`)
    sums.cuts++
  }
}

async function run(each: Case, steps: readonly Step[], isAlone = false): Promise<Outcome> {
  const { upstream, ending } = each
  return await runCase(where, steps, { upstream, ending, answers: each.answers.length, isAlone })
}

async function readLog(): Promise<string[]> {
  const text = await readFile(proxy.layout.app('app' as AppName).accessLog(0), 'utf8')
  return text.split('\n').filter(Boolean)
}
