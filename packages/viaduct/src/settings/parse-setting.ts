/** One value of a setting, from text or JSON to what the platform uses, or why it cannot be. */
import { isIP } from 'node:net'
import { resolve } from 'node:path'
import { parseNetwork } from '../model/routing/network.ts'
import type { SettingType } from './setting-table.ts'

/** `wanted` completes the sentence "wanted …". */
export type Parsed = { readonly value: string | number | null } | { readonly wanted: string }

const msUnits = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000 } as const
const byteUnits = { B: 1, kB: 1024, MB: 1024 ** 2, GB: 1024 ** 3 } as const
const hostName = /^(?=.{1,253}$)(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z][a-z0-9-]*[a-z0-9]$/

/**
 * @param raw Text of a flag or variable, or a JSON value. Numbers may come as text.
 * @param base Directory that a relative path starts from.
 */
export function parseSetting(raw: unknown, type: SettingType, base: string): Parsed {
  if (raw === null && mayBeNull(type)) return { value: null }
  const text = typeof raw === 'string' || typeof raw === 'number' ? String(raw).trim() : null
  switch (type.kind) {
    case 'integer':
      return parseNumber(text, type, { units: { '': 1 }, what: 'a whole number' })
    case 'ms':
      return parseNumber(text, type, {
        units: { '': 1, ...msUnits },
        what: 'milliseconds, or a time such as 90s or 10m,',
      })
    case 'bytes':
      return parseNumber(text, type, {
        units: { '': 1, ...byteUnits },
        what: 'bytes, or a size such as 512MB,',
      })
    case 'path':
      if (typeof raw !== 'string' || !text || text.includes('\0')) return { wanted: 'a path' }
      return { value: resolve(base, text) }
    case 'address':
      if (text === null || isIP(text) === 0) {
        return { wanted: 'a numeric address such as 127.0.0.1, 0.0.0.0 or ::' }
      }
      return { value: text }
    case 'host-name': {
      const name = text?.toLowerCase() ?? ''
      return hostName.test(name) ? { value: name } : { wanted: 'a host name such as example.com' }
    }
    case 'token':
      return text !== null && /^[\x21-\x7e]{1,512}$/.test(text)
        ? { value: text }
        : { wanted: '1 to 512 visible ASCII characters' }
    case 'email':
      return text !== null && /^[^\s@<>(),;:"[\]\\]{1,64}@[^\s@]{1,253}$/.test(text)
        ? { value: text }
        : { wanted: 'an e-mail address' }
    case 'https-url': {
      const url = URL.parse(text ?? '')
      if (url?.protocol === 'https:' && url.username === '') return { value: url.href }
      return { wanted: 'a URL such as https://acme.example.com/directory' }
    }
    case 'networks':
      return parseNetworks(itemsOf(raw, text))
    case 'users':
      return parseUsers(itemsOf(raw, text))
    case 'choice':
      return text !== null && type.of.includes(text)
        ? { value: text }
        : { wanted: `one of ${type.of.join(', ')}` }
  }
}

function itemsOf(raw: unknown, text: string | null): string[] {
  const items = Array.isArray(raw) ? raw.map(String) : (text ?? '').split(',')
  return items.map((item) => item.trim()).filter((item) => item !== '')
}

function parseUsers(users: readonly string[]): Parsed {
  const isGood = users.every((user) => /^[a-z_][a-z0-9_-]{0,31}$/.test(user) && user !== 'root')
  if (isGood) return { value: users.join(',') }
  return { wanted: 'names of users such as www-data,ftp, and never root' }
}

function parseNetworks(networks: readonly string[]): Parsed {
  const isGood = networks.every((network) => parseNetwork(network) !== null)
  if (isGood) return { value: networks.join(',') }
  return { wanted: 'addresses or networks such as 10.0.0.0/8,192.0.2.7' }
}

function mayBeNull(type: SettingType): boolean {
  if (['host-name', 'token', 'email'].includes(type.kind)) return true
  return 'nullable' in type && type.nullable
}

function parseNumber(
  text: string | null,
  range: { readonly min: number; readonly max: number },
  { units, what }: { readonly units: Readonly<Record<string, number>>; readonly what: string },
): Parsed {
  const [, digits, unit] = /^(\d{1,15})([A-Za-z]*)$/.exec(text ?? '') ?? []
  const factor = unit !== undefined && Object.hasOwn(units, unit) ? units[unit] : undefined
  const value = factor === undefined ? NaN : Number(digits) * factor
  if (value >= range.min && value <= range.max) return { value }
  return { wanted: `${what} from ${range.min} to ${range.max}` }
}
