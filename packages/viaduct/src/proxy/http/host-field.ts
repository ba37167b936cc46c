/**
 * Host and the form of the request target: which host name the request is for, and where its path
 * starts. Absolute form and Host must agree, so that no two readers see different hosts.
 */
import type { RequestHead } from './request-head.ts'

const isHostText = new Uint8Array(256)
for (const character of "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~%!$&'()*+,;=") {
  isHostText[character.charCodeAt(0)] = 1
}
const scheme = /^https?:\/\/([^/?]*)/i

/** Sets `pathStart` and `hostNameEnd`. @returns What is wrong, or an empty string. */
export function checkHost(bytes: Buffer, head: RequestHead): string {
  head.pathStart = head.targetStart
  if (head.hostStart !== -1) {
    head.hostNameEnd = hostNameEnd(bytes, head.hostStart, head.hostEnd)
    if (head.hostNameEnd === -1) return 'Host is malformed'
  }
  if (bytes[head.targetStart] === 47) return '' // Origin form.
  const method = bytes.toString('latin1', head.start, head.methodEnd)
  const target = bytes.toString('latin1', head.targetStart, head.targetEnd)
  if (method === 'CONNECT') return '' // Refused later, with its own reason.
  if (target === '*') return method === 'OPTIONS' ? '' : 'The target "*" is for OPTIONS only'
  return checkAbsolute(bytes, head, target)
}

function checkAbsolute(bytes: Buffer, head: RequestHead, target: string): string {
  const [prefix, authority] = scheme.exec(target) ?? []
  if (prefix === undefined || !authority) return 'The target is malformed'
  if (head.hostStart === -1) return 'The target has a host and there is no Host'
  const host = bytes.toString('latin1', head.hostStart, head.hostEnd)
  if (host.toLowerCase() !== authority.toLowerCase()) return 'Host and the target differ'
  head.pathStart = head.targetStart + prefix.length
  return ''
}

/** @returns Offset behind the name, or -1. */
function hostNameEnd(bytes: Buffer, start: number, end: number): number {
  let at = start
  if (bytes[at] === 91) {
    const close = bytes.indexOf(93, at)
    if (close === -1 || close >= end) return -1
    if (!/^[0-9a-fA-F:.]+$/.test(bytes.toString('latin1', at + 1, close))) return -1
    at = close + 1
  } else {
    while (at < end && isHostText[bytes[at] as number] === 1) at++
  }
  if (at === end) return end
  if (bytes[at] !== 58 || end - at > 6) return -1
  for (let i = at + 1; i < end; i++) {
    if ((bytes[i] as number) < 48 || (bytes[i] as number) > 57) return -1
  }
  return at
}

/** The host to route by: lower case, without port and final dot. */
export function routingHost(bytes: Buffer, head: RequestHead): string {
  if (head.hostStart === -1) return ''
  const name = bytes.toString('latin1', head.hostStart, head.hostNameEnd).toLowerCase()
  return name.endsWith('.') ? name.slice(0, -1) : name
}
