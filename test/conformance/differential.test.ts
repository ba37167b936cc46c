/**
 * The same cases against nginx and HAProxy. What both of them refuse we must refuse as well; what
 * both pass and we refuse is listed, with the reason, in `stricter.txt`.
 */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, test } from 'node:test'
import {
  type Arm,
  startHaproxyArm,
  startNginxArm,
  startViaductArm,
} from '../../bench/proxy/data-plane/proxy-arms.ts'
import { bytesOf, type Case, readCases } from './case-file.ts'
import { Recorder } from './recorder.ts'
import { observeCase, type Outcome } from './run-case.ts'

const sizeMax = 8_000

interface Reference {
  readonly arm: Arm
  readonly recorder: Recorder
}

const cases = (await readCases()).filter(isComparable)
const starts = [
  (ports: number[]) => startViaductArm(ports, false),
  (ports: number[]) => startNginxArm(ports, false),
  startHaproxyArm,
]
const proxies = await Promise.all(starts.map(startReference))
const isThere = proxies.every((each) => each !== null)

after(async () => {
  for (const each of proxies) {
    await each?.arm[Symbol.asyncDispose]()
    await each?.recorder[Symbol.asyncDispose]()
  }
})

test(
  'what nginx and HAProxy both refuse is refused here',
  {
    skip: isThere ? false : 'nginx and HAProxy cannot be had here',
  },
  async (t) => {
    const [ours, ...theirs] = await Promise.all(proxies.map((each) => passedBy(each as Reference)))
    assert.ok(ours)
    const listed = await readList()
    const laxer: string[] = []
    const stricter: string[] = []
    for (const [index, each] of cases.entries()) {
      const [own = 0, ...others] = [ours, ...theirs].map((passed) => passed[index] ?? 0)
      const name = `${each.group}: ${each.name}`
      if (own > Math.max(...others)) laxer.push(name)
      if (own < Math.min(...others)) stricter.push(name)
    }
    t.diagnostic(
      `differential: ${cases.length} cases, ${laxer.length} passed here alone, ` +
        `${stricter.length} refused here alone, ${stricter.filter((n) => listed.has(n)).length} listed`,
    )
    assert.deepEqual(laxer, [], 'Passed here, and refused by nginx and HAProxy')
    const missing = stricter.filter((name) => !listed.has(name))
    assert.deepEqual(missing, [], 'Refused here alone: say why in stricter.txt')
    const known = new Set(cases.map(({ group, name }) => `${group}: ${name}`))
    assert.deepEqual(
      [...listed.keys()].filter((name) => !known.has(name)),
      [],
      'No such case',
    )
  },
)

/**
 * Where no host is known there is nothing to compare, a broken body ends differently everywhere,
 * how long a head may be is a setting, and a client that leaves may or may not be served first.
 */
function isComparable({ answers, ending, sent, upstream }: Case): boolean {
  if (ending === 'reset' || answers.some(({ reason }) => reason === 'no-app')) return false
  if (sent.includes('end')) return false
  return bytesOf(sent).length + bytesOf(upstream?.steps ?? []).length < sizeMax
}

async function startReference(
  start: (ports: number[]) => Promise<Arm | null>,
): Promise<Reference | null> {
  const recorder = await new Recorder().start()
  const arm = await start([recorder.port])
  if (arm) return { arm, recorder }
  await recorder[Symbol.asyncDispose]()
  return null
}

/** How much of each case went through: requests, or the answer of a hostile instance. */
async function passedBy({ arm, recorder }: Reference): Promise<number[]> {
  const passed: number[] = []
  for (const each of cases) {
    const outcome = await observeCase({ port: arm.port, recorder }, each)
    passed.push(each.upstream === null ? outcome.requests.length : Number(isPassedOn(outcome)))
  }
  return passed
}

function isPassedOn({ answers }: Pick<Outcome, 'answers'>): boolean {
  const last = answers.at(-1)
  return last !== undefined && !/^(?:1|50[0234])/.test(last)
}

/** `group: name ; reason` */
async function readList(): Promise<Map<string, string>> {
  const text = await readFile(join(import.meta.dirname, 'stricter.txt'), 'utf8')
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(
    lines.map((line) => {
      const [name = '', reason = ''] = line.split(' ; ')
      assert.ok(reason.length > 10, `${name} has no reason`)
      return [name, reason]
    }),
  )
}
