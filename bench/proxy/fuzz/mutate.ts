/**
 * Broken HTTP by chance: takes what the conformance cases send, and damages it where parsers
 * differ: line ends, framing fields, lengths, chunk sizes. The same seed gives the same bytes.
 */
import { bytesOf, readCases } from '../../../test/conformance/case-file.ts'
import type { Random } from '../../scenarios/chaos-random.ts'

export interface Corpus {
  /** What clients send, latin1. */
  readonly requests: readonly string[]
  /** What instances answer. */
  readonly responses: readonly string[]
}

const seedMaxBytes = 1_500
const mutationsMax = 4

const fragments = [
  ...[
    '\r\n',
    '\r',
    '\n',
    '\n\n',
    '\r\n\r\n',
    '\r\r\n',
    ' ',
    '\t',
    '\0',
    '\x0b',
    '\x7f',
    '\xff',
    ':',
  ],
  ...['Content-Length: 5\r\n', 'Content-Length: 0\r\n', 'Content-Length:\r\n', '+', '-', '0x', ','],
  ...[
    'Transfer-Encoding: chunked\r\n',
    'Transfer-Encoding: x\r\n',
    'transfer-encoding : chunked\r\n',
  ],
  ...['Transfer-Encoding:\tchunked\r\n', 'Transfer_Encoding: chunked\r\n', ', chunked', ';a=b'],
  ...['Connection: close\r\n', 'Connection: content-length\r\n', 'Connection: keep-alive, x\r\n'],
  ...['Connection: Upgrade\r\nUpgrade: websocket\r\n', 'Expect: 100-continue\r\n', 'Host: a\r\n'],
  ...[
    'Host: b\r\n',
    ' HTTP/1.1\r\n',
    ' HTTP/1.0\r\n',
    'HTTP/1.1 200 OK\r\n',
    'X: y\r\n',
    ' folded\r\n',
  ],
  ...[
    '0\r\n\r\n',
    '5\r\nhello\r\n',
    '5;x\r\nhello\r\n',
    'ffffffffffffffff\r\n',
    '0\r\nT: 1\r\n\r\n',
  ],
  ...[
    'GET /evil HTTP/1.1\r\nHost: a\r\n\r\n',
    'POST ',
    'HEAD ',
    'CONNECT ',
    'http://a',
    '*',
    '%0d%0a',
  ],
]

/** From all cases, without the very long ones. */
export async function readCorpus(): Promise<Corpus> {
  const cases = await readCases()
  const short = (text: string): boolean => text.length > 0 && text.length < seedMaxBytes
  return {
    requests: cases.map(({ sent }) => bytesOf(sent)).filter(short),
    responses: cases.map(({ upstream }) => bytesOf(upstream?.steps ?? [])).filter(short),
  }
}

/** One of `seeds`, changed in 0 to 4 places; sometimes with another one behind it. */
export function mutate(random: Random, seeds: readonly string[]): string {
  let text = random.pick(seeds)
  if (random.next() < 0.3) text += random.pick(seeds)
  for (let left = random.between(0, mutationsMax); left > 0; left--) {
    text = mutateOnce(random, text, seeds)
  }
  return text
}

function mutateOnce(random: Random, text: string, seeds: readonly string[]): string {
  const at = random.between(0, text.length)
  const to = Math.min(text.length, at + random.between(1, random.next() < 0.5 ? 2 : 40))
  const [before, part, after] = [text.slice(0, at), text.slice(at, to), text.slice(to)]
  switch (random.between(0, 7)) {
    case 0:
      return before + String.fromCharCode(random.between(0, 255)) + text.slice(at + 1)
    case 1:
      return before + random.pick(fragments) + text.slice(at)
    case 2:
      return insertAtLine(text, at, random.pick(fragments))
    case 3:
      return before + after
    case 4:
      return before + part + part + after
    case 5:
      return before + (random.next() < 0.5 ? part.toLowerCase() : part.toUpperCase()) + after
    case 6:
      return text.slice(0, random.next() < 0.3 ? at : text.length)
    default:
      return before + random.pick(seeds).slice(random.between(0, 60))
  }
}

/** Where a field may begin it does more harm than in the middle of a value. */
function insertAtLine(text: string, near: number, fragment: string): string {
  const at = text.indexOf('\r\n', near)
  return at === -1 ? text + fragment : text.slice(0, at + 2) + fragment + text.slice(at + 2)
}

/** Where a text is cut into pieces; mostly a few, sometimes at each byte. */
export function chooseCuts(random: Random, length: number): number[] {
  if (length < 200 && random.next() < 0.1) return Array.from({ length }, (_, i) => i)
  const cuts = Array.from({ length: random.between(1, 4) }, () => random.between(0, length))
  return cuts.sort((a, b) => a - b)
}
