/**
 * Which TCP ports a set of processes accepts connections on, by the sockets they have open.
 *
 * Read once, after a failure or to check one report: `/proc/net/tcp` can be long. Not for polling,
 * and never in keeper or proxy.
 */
import { createReadStream } from 'node:fs'
import { readdir, readlink } from 'node:fs/promises'
import { systemCodeOf } from '../../model/app-error.ts'
import { diagnoseFdsMax, diagnosePidsMax } from '../../model/limits.ts'
import type { ListeningSocket } from '../../model/readiness.ts'

/** State column of a socket that accepts connections. */
const listenState = '0A'

/**
 * Processes that are gone, or that may not be looked into, count as listening on nothing.
 *
 * @param pids At most `diagnosePidsMax` are looked at, and `diagnoseFdsMax` descriptors of each.
 * @returns By port, then address; one entry per socket and process.
 */
export async function listeningSockets(pids: readonly number[]): Promise<ListeningSocket[]> {
  const owners = new Map<string, number[]>()
  for (const pid of pids.slice(0, diagnosePidsMax)) {
    for (const inode of await socketInodes(pid)) {
      owners.set(inode, [...(owners.get(inode) ?? []), pid])
    }
  }
  if (owners.size === 0) return []
  const found = [
    ...(await readTable('/proc/net/tcp', owners)),
    ...(await readTable('/proc/net/tcp6', owners)),
  ]
  return found.toSorted((a, b) => a.port - b.port || a.address.localeCompare(b.address))
}

async function socketInodes(pid: number): Promise<Set<string>> {
  const directory = `/proc/${pid}/fd`
  const inodes = new Set<string>()
  for (const fd of (await orGone(readdir(directory), [])).slice(0, diagnoseFdsMax)) {
    const target = await orGone(readlink(`${directory}/${fd}`), '')
    const inode = /^socket:\[(\d+)\]$/.exec(target)?.[1]
    if (inode !== undefined) inodes.add(inode)
  }
  return inodes
}

/** Processes end, and files close, while they are looked at. */
async function orGone<T>(reading: Promise<T>, fallback: T): Promise<T> {
  try {
    return await reading
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT' || code === 'ESRCH' || code === 'EACCES' || code === 'EPERM') {
      return fallback
    }
    throw error
  }
}

/**
 * Listening sockets come first in the kernel's table, so reading stops at the first other one:
 * what a load test leaves in TIME_WAIT (100,000 lines) is never produced.
 */
async function readTable(
  path: string,
  owners: ReadonlyMap<string, readonly number[]>,
): Promise<ListeningSocket[]> {
  const found: ListeningSocket[] = []
  try {
    for await (const line of readLines(path)) {
      const [index, local, , state, , , , , , inode] = line.trim().split(/\s+/)
      if (index === 'sl') continue
      if (state !== listenState) break
      for (const pid of owners.get(inode ?? '') ?? []) found.push({ ...parseAddress(local!), pid })
    }
  } catch (error) {
    // Without IPv6 there is no tcp6.
    if (systemCodeOf(error) !== 'ENOENT') throw error
  }
  return found
}

async function* readLines(path: string): AsyncGenerator<string> {
  let rest = ''
  const chunks = createReadStream(path, { encoding: 'latin1', highWaterMark: 16 * 1024 })
  for await (const chunk of chunks as AsyncIterable<string>) {
    const lines = (rest + chunk).split('\n')
    rest = lines.pop() ?? ''
    yield* lines
  }
}

/**
 * Reads `0100007F:1F90`: 32-bit words in the machine's byte order (little-endian on every machine
 * that Node.js has a build for here), then the port.
 */
function parseAddress(text: string): { address: string; port: number } {
  const [hex, port] = text.split(':') as [string, string]
  const words = hex.match(/.{8}/g) ?? []
  const bytes = words.flatMap((word) => [...Buffer.from(word, 'hex')].reverse())
  return { address: renderAddress(bytes), port: parseInt(port, 16) }
}

function renderAddress(bytes: readonly number[]): string {
  if (bytes.length === 4) return bytes.join('.')
  const isMapped = bytes.slice(0, 10).every((byte) => byte === 0) && bytes[10] === 255
  if (isMapped) return bytes.slice(12).join('.')
  const groups = Array.from({ length: 8 }, (_, i) =>
    ((bytes[2 * i]! << 8) | bytes[2 * i + 1]!).toString(16),
  )
  // URL knows how to shorten an IPv6 address.
  return new URL(`http://[${groups.join(':')}]/`).hostname.slice(1, -1)
}
