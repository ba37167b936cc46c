/**
 * The Huffman code of HPACK (RFC 7541 §5.2, appendix B), decoded four bits at a time. We encode
 * without it: what repeats is a single byte of the table, and the rest is not worth the time.
 */

/** Bits of the code of each byte, and of the end (256). */
const codeLengths = [
  13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
  28, 28, 28, 28, 28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5,
  6, 6, 6, 6, 6, 6, 6, 7, 8, 15, 6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7,
  7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14, 6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6,
  7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23,
  23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22,
  22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22,
  23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27,
  27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25,
  24, 24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
]
const endSymbol = 256
const shortestCode = 5
/** Padding is shorter than a byte (RFC 7541 §5.2). */
const paddingMaxBits = 7

/** In an entry of the table: the next node, a byte that is complete, and what is wrong. */
const nodeMask = 0xffff
const symbolShift = 16
const emits = 1 << 24
const isBad = 1 << 25

/** Children of a node of the code's tree: at least 0 a node, below it `~symbol`. */
type Node = [zero: number | null, one: number | null]

/** The code is canonical: in order of length, then of the symbol, each is the one before plus 1. */
function buildTree(): Node[] {
  const nodes: Node[] = [[null, null]]
  const symbols = codeLengths.map((_, symbol) => symbol)
  symbols.sort((a, b) => (codeLengths[a] ?? 0) - (codeLengths[b] ?? 0) || a - b)
  let code = 0
  let length = 0
  for (const symbol of symbols) {
    const bits = codeLengths[symbol] ?? 0
    code = length === 0 ? 0 : (code + 1) * 2 ** (bits - length)
    length = bits
    insert(nodes, { code, bits, symbol })
  }
  return nodes
}

function insert(nodes: Node[], leaf: { code: number; bits: number; symbol: number }): void {
  let at = 0
  for (let bit = leaf.bits - 1; bit > 0; bit--) {
    const node = nodes[at] as Node
    const side = (leaf.code >>> bit) & 1
    at = node[side] ??= nodes.push([null, null]) - 1
  }
  ;(nodes[at] as Node)[leaf.code & 1] = ~leaf.symbol
}

/** What each node becomes with each four bits. */
function buildSteps(nodes: readonly Node[]): Uint32Array {
  const steps = new Uint32Array(nodes.length * 16)
  for (const at of nodes.keys()) {
    for (let nibble = 0; nibble < 16; nibble++) steps[at * 16 + nibble] = step(nodes, at, nibble)
  }
  return steps
}

function step(nodes: readonly Node[], from: number, nibble: number): number {
  let at = from
  let found = 0
  for (let bit = 3; bit >= 0; bit--) {
    const next = nodes[at]?.[(nibble >> bit) & 1] ?? ~endSymbol
    if (next >= 0) at = next
    else if (~next === endSymbol) return isBad
    else {
      found = emits | (~next << symbolShift)
      at = 0
    }
  }
  return found | at
}

/** 1 for the nodes where a text may end: behind a whole symbol, and ones alone. */
function findEnds(nodes: readonly Node[]): Uint8Array {
  const ends = new Uint8Array(nodes.length)
  let at = 0
  for (let bits = 0; bits <= paddingMaxBits; bits++) {
    ends[at] = 1
    at = nodes[at]?.[1] ?? 0
  }
  return ends
}

const tree = buildTree()
const steps = buildSteps(tree)
const ends = findEnds(tree)
let text = Buffer.allocUnsafeSlow(4096)

/** @returns latin1; null when `[start, end)` is not well-formed. */
export function decodeHuffman(bytes: Uint8Array, start: number, end: number): string | null {
  const max = Math.ceil(((end - start) * 8) / shortestCode)
  if (max > text.length) text = Buffer.allocUnsafeSlow(max)
  let at = 0
  let length = 0
  for (let i = start; i < end; i++) {
    const byte = bytes[i] as number
    for (let shift = 4; shift >= 0; shift -= 4) {
      const next = steps[at * 16 + ((byte >> shift) & 15)] as number
      if (next >= emits) {
        if (next >= isBad) return null
        text[length++] = next >> symbolShift
      }
      at = next & nodeMask
    }
  }
  return ends[at] === 1 ? text.toString('latin1', 0, length) : null
}
