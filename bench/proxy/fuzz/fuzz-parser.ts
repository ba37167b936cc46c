/**
 * Damaged messages against parser and framing, in this process: nothing may throw or read on for
 * ever, a cut may change nothing, and what is passed on means the same to a strict reader.
 */
import assert from 'node:assert/strict'
import { collectAllGarbage } from '../../../packages/viaduct/src/memory/collect-garbage.ts'
import { RequestReader } from '../../../test/conformance/request-reader.ts'
import { seededRandom } from '../../scenarios/chaos-random.ts'
import { chooseCuts, mutate, readCorpus } from './mutate.ts'
import { MessageReader, type Reading, type Side } from './read-messages.ts'

export interface ParserFuzz {
  /** Whole messages that were passed on. */
  readonly passed: number
  readonly refused: number
  /** The slowest one, milliseconds. */
  readonly slowestMs: number
  /** Memory after all of them, against that after a fifth, garbage not counted. */
  readonly grownBytes: number
}

const responseShare = 0.25

/** @throws {AssertionError} With seed and bytes of the first message that broke a rule. */
export async function fuzzParser(options: { seed: number; count: number }): Promise<ParserFuzz> {
  const { seed, count } = options
  const random = seededRandom(seed)
  const corpus = await readCorpus()
  const sums = { passed: 0, refused: 0, slowestMs: 0, grownBytes: 0 }
  let before = 0
  for (let i = 0; i < count; i++) {
    if (i === Math.floor(count / 5)) before = usedBytes()
    const side: Side = random.next() < responseShare ? 'response' : 'request'
    const text = mutate(random, side === 'request' ? corpus.requests : corpus.responses)
    const cuts = chooseCuts(random, text.length)
    const begun = performance.now()
    try {
      const reading = check(side, text, cuts)
      sums.passed += reading.messages.length
      if (reading.end === 'refused') sums.refused++
    } catch (error) {
      const where = `seed ${seed}, number ${i}, cuts ${cuts.join()}: ${JSON.stringify(text)}`
      throw new Error(`A ${side} breaks a rule: ${where}`, { cause: error })
    }
    sums.slowestMs = Math.max(sums.slowestMs, performance.now() - begun)
  }
  sums.grownBytes = usedBytes() - before
  return sums
}

function check(side: Side, text: string, cuts: readonly number[]): Reading {
  const whole = readPieces(side, text, [])
  assert.deepEqual(readPieces(side, text, cuts), whole, 'Cut into pieces it is read otherwise')
  for (const message of whole.messages) {
    const rendered = message.head + message.body
    const again = readPieces(side, rendered, [])
    assert.deepEqual(again.messages, [message], 'What is written is not read as what it was')
    if (side === 'request') checkStrictly(rendered)
  }
  return whole
}

function readPieces(side: Side, text: string, cuts: readonly number[]): Reading {
  const reader = new MessageReader(side)
  let from = 0
  for (const cut of [...cuts, text.length]) {
    if (cut > from) reader.add(Buffer.from(text.slice(from, cut), 'latin1'))
    from = Math.max(from, cut)
  }
  return reader.finish()
}

/** By a reader that is not ours: one request, and nothing to complain about. */
function checkStrictly(rendered: string): void {
  const reader = new RequestReader()
  const requests = reader.read(rendered)
  assert.deepEqual([...reader.complaints], [])
  assert.deepEqual(
    requests.map(({ bytes }) => bytes),
    [rendered],
  )
}

function usedBytes(): number {
  collectAllGarbage()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}
