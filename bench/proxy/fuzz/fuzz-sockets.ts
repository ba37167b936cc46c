/**
 * Damaged requests over real sockets to a real worker: it must live, keep its memory and its
 * descriptors, send nothing ambiguous to the instance, and answer everybody else as before.
 */
import { readdirSync } from 'node:fs'
import { startProxyProcess } from '../../../packages/viaduct/src/proxy/fixtures/proxy-process.ts'
import { routeTable } from '../../../packages/viaduct/src/proxy/fixtures/route-table.ts'
import type { Step } from '../../../test/conformance/case-file.ts'
import { playSteps, Recorder } from '../../../test/conformance/recorder.ts'
import { askNext, RawClient } from '../../../test/conformance/run-case.ts'
import { type Random, seededRandom } from '../../scenarios/chaos-random.ts'
import { memoryOf } from '../../scenarios/stream-bodies.ts'
import { chooseCuts, mutate, readCorpus } from './mutate.ts'

export interface SocketFuzz {
  readonly answered: number
  /** Clients that were neither answered nor closed. */
  readonly stuck: number
  /** Other clients that did not get their own answer. */
  readonly misled: number
  /** What the instance was sent that a strict reader refuses. */
  readonly complaints: readonly string[]
  readonly grownBytes: number
  readonly descriptorsLeft: number
}

const parallel = 32
/** After each so many another client asks for something of its own. */
const probeEvery = 25
const clientTimeoutMs = 10_000
const addresses = 50
/** To the instance, those may well be kept. */
const descriptorsKept = 2 * parallel

/** @param options.nodeFlags As the keeper gives them. @throws {Error} The worker ended. */
export async function fuzzSockets(options: {
  seed: number
  count: number
  nodeFlags: readonly string[]
}): Promise<SocketFuzz> {
  await using recorder = await new Recorder().start()
  const table = routeTable(1, [{ hosts: ['a', 'app.localhost'], ports: [recorder.port] }])
  await using proxy = await startProxyProcess(table, { nodeFlags: options.nodeFlags })
  const { requests } = await readCorpus()
  const random = seededRandom(options.seed)
  const sums = { answered: 0, stuck: 0, misled: 0 }
  const descriptors = descriptorsOf(proxy.pid)
  let started = 0
  let before = 0
  const work = async (): Promise<void> => {
    while (started < options.count) {
      const number = started++
      if (number === Math.floor(options.count / 5)) before = memoryOf(proxy.pid)
      if (number % 1_000 === 0) recorder.begin(null)
      const address = `127.0.0.${2 + (number % addresses)}`
      const outcome = await sendOne({ port: proxy.port, address }, random, requests)
      sums[outcome]++
      if (number % probeEvery > 0) continue
      const { next, wantedNext } = await askNext(proxy.port)
      if (next !== wantedNext) sums.misled++
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
  if (proxy.child.exitCode !== null) throw new Error(`The worker ended: ${proxy.child.exitCode}`)
  return {
    ...sums,
    complaints: recorder.complaints,
    grownBytes: memoryOf(proxy.pid) - before,
    descriptorsLeft: Math.max(0, descriptorsOf(proxy.pid) - descriptors - descriptorsKept),
  }
}

/** In pieces, and then the end of the client's side: whatever came, the worker must finish. */
async function sendOne(
  { port, address }: { port: number; address: string },
  random: Random,
  seeds: readonly string[],
): Promise<'answered' | 'stuck'> {
  const steps: Step[] = [...pieces(random, mutate(random, seeds)), 'end']
  const client = new RawClient(port, address)
  await playSteps(client.socket, steps)
  await client.until(() => false, clientTimeoutMs)
  const { isOver } = client
  // No reset: Node.js 24.21 does not close a socket that is reset while its end is being sent.
  client.socket.destroy()
  return isOver ? 'answered' : 'stuck'
}

function pieces(random: Random, text: string): Step[] {
  const cuts = random.next() < 0.3 ? chooseCuts(random, text.length).slice(0, 4) : []
  const ends = [...cuts, text.length]
  return ends.flatMap((end, i) => {
    const send = text.slice(ends[i - 1] ?? 0, end)
    return send === '' ? [] : i === 0 ? [{ send }] : ['pause' as const, { send }]
  })
}

function descriptorsOf(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length
}
