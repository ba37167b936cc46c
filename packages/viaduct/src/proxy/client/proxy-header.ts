/**
 * The PROXY protocol, versions 1 and 2: a load balancer in front says whose connection this is,
 * once and before anything else. Only asked of those that are trusted, and then it must be there.
 */
import type { Socket } from 'node:net'
import { isIP } from 'node:net'
import { proxyHeaderMaxBytes, proxyHeaderTimeoutMs } from '../../model/proxy-limits.ts'
import { nameSource, plainAddress } from './peer.ts'

export interface ProxyHeader {
  /** null: the balancer speaks for itself, as in a health check. */
  readonly address: string | null
  /** Just after the header. */
  readonly end: number
}

const signature = Buffer.from('\r\n\r\n\0\r\nQUIT\n', 'latin1')

/** @returns `incomplete`, or `bad` when this is no PROXY header. */
export function parseProxyHeader(bytes: Buffer): ProxyHeader | 'incomplete' | 'bad' {
  const length = Math.min(bytes.length, signature.length)
  if (bytes.subarray(0, length).equals(signature.subarray(0, length))) {
    return bytes.length < 16 ? 'incomplete' : parseBinary(bytes)
  }
  return parseText(bytes)
}

function parseText(bytes: Buffer): ProxyHeader | 'incomplete' | 'bad' {
  const start = bytes.toString('latin1', 0, 107)
  const lineEnd = start.indexOf('\r\n')
  if (lineEnd === -1) {
    const isBegun = 'PROXY '.startsWith(start.slice(0, 6))
    return isBegun && bytes.length < 107 ? 'incomplete' : 'bad'
  }
  const words = start.slice(0, lineEnd).split(' ')
  const end = lineEnd + 2
  if (words[0] === 'PROXY' && words[1] === 'UNKNOWN') return { address: null, end }
  const [keyword, family, source = '', target = '', sourcePort, targetPort] = words
  const version = family === 'TCP4' ? 4 : family === 'TCP6' ? 6 : -1
  const ports = [sourcePort, targetPort].every((port) => /^\d{1,5}$/.test(port ?? ''))
  const isGood = isIP(source) === version && isIP(target) === version && ports
  if (keyword !== 'PROXY' || words.length !== 6 || !isGood) return 'bad'
  return { address: plainAddress(source), end }
}

function parseBinary(bytes: Buffer): ProxyHeader | 'incomplete' | 'bad' {
  const command = bytes[12] as number
  const family = bytes[13] as number
  const length = bytes.readUInt16BE(14)
  const end = 16 + length
  if (command >> 4 !== 2 || (command & 15) > 1 || end > proxyHeaderMaxBytes) return 'bad'
  if (bytes.length < end) return 'incomplete'
  if ((command & 15) === 0) return { address: null, end }
  if (family === 0x11)
    return length < 12 ? 'bad' : { address: [...bytes.subarray(16, 20)].join('.'), end }
  if (family !== 0x21) return family === 0 ? { address: null, end } : 'bad'
  return length < 36 ? 'bad' : { address: plainAddress(renderIpv6(bytes.subarray(16, 32))), end }
}

/** In the short form, as the kernel's addresses come. */
function renderIpv6(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, i) => bytes.readUInt16BE(i * 2).toString(16))
  return new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)
}

/**
 * Reads the header of a new connection, and gives back what came after it.
 *
 * @param onReady Called once when the header was good; otherwise the connection is closed.
 */
export function readProxyHeader(socket: Socket, onReady: () => void): void {
  let pending: Buffer = Buffer.alloc(0)
  const timer = setTimeout(() => socket.destroy(), proxyHeaderTimeoutMs)
  const stop = (): void => {
    clearTimeout(timer)
    socket.off('data', onData).off('close', stop).off('end', onEnd).off('error', onEnd)
  }
  const onEnd = (): void => void socket.destroy()
  const onData = (bytes: Buffer): void => {
    pending = Buffer.concat([pending, bytes])
    const header = parseProxyHeader(pending)
    if (header === 'incomplete') return
    if (header === 'bad') return void socket.destroy()
    socket.pause()
    stop()
    if (header.address !== null) nameSource(socket, header.address)
    if (header.end < pending.length) socket.unshift(pending.subarray(header.end))
    onReady()
  }
  socket.on('data', onData).on('close', stop).on('end', onEnd).on('error', onEnd)
}
