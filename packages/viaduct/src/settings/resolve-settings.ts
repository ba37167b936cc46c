/**
 * Flags, `VIADUCT_*` variables, a file and defaults become one typed value; the first that says
 * something wins, in this order. Reads the file and nothing else; makes no directory.
 */
import { readFileSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { AppError, messageOf } from '../model/app-error.ts'
import { describeMachine, type Machine } from './describe-machine.ts'
import { parseSetting } from './parse-setting.ts'
import { type FileValue, parseSettingsFile, type SettingsFile } from './parse-settings-file.ts'
import { type SettingRow, settingTable } from './setting-table.ts'
import type { Settings } from './settings.ts'

export interface ResolveOptions {
  /** As commander gives them: `{ data, httpPort, config … }`. What is not a setting is not read. */
  readonly flags: Readonly<Record<string, unknown>>
  /** `process.env`. An empty variable counts as not set. */
  readonly env: Readonly<Record<string, string | undefined>>
  /** Default: this machine, user and working directory. */
  readonly machine?: Machine
  /** Gets sentences that a person should see once, e.g. about a key that is not used. */
  readonly onNotice?: (text: string) => void
}

interface Source {
  readonly raw: unknown
  /** How the user wrote it: `--http-port`, `VIADUCT_HTTP_PORT`, `x.json:3: httpPort`. */
  readonly name: string
  /** What a relative path starts from. */
  readonly base: string
}

const noFile: SettingsFile = { values: new Map(), appsDir: null, notices: [] }

/**
 * The file is `--config`, else `VIADUCT_CONFIG`. Beside the names of `Settings` it takes the seed's
 * `proxy_port`, `deploy_port`, `auth_token` and `dyno_count`; `apps_dir` is the data directory when
 * nothing else says one (all that Viaduct keeps of its apps is there), `temp_dir` is not used.
 * Paths in the file start from its own directory, others from the working directory.
 *
 * @throws {AppError} `bad-setting`: says where it was set, what came and what is wanted.
 */
export function resolveSettings(options: ResolveOptions): Settings {
  const machine = options.machine ?? describeMachine()
  const path = options.flags['config'] ?? (options.env['VIADUCT_CONFIG'] || undefined)
  const filePath = typeof path === 'string' ? resolve(machine.cwd, path) : null
  const file = filePath === null ? noFile : readSettingsFile(filePath)
  const values: Record<string, unknown> = {}
  for (const row of settingTable) {
    const source = findSource(row, { ...options, machine, file, filePath })
    values[row.key] = source ? parseSource(row, source) : row.fallback(machine)
    const isDefault = source === null && row.key === 'dataDir'
    if (isDefault && machine.dataDirNotice) options.onNotice?.(machine.dataDirNotice)
  }
  for (const notice of file.notices) options.onNotice?.(notice)
  // Every key of Settings has a row; the test of the table says so.
  const settings = values as unknown as Settings
  checkTogether(settings)
  return settings
}

function readSettingsFile(path: string): SettingsFile {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new AppError('bad-setting', `The settings file ${path} cannot be read`, {
      hint: messageOf(error),
      data: { file: path },
      cause: error,
    })
  }
  return parseSettingsFile(text, path)
}

function findSource(
  row: SettingRow,
  from: ResolveOptions & { machine: Machine; file: SettingsFile; filePath: string | null },
): Source | null {
  const { cwd } = from.machine
  const flag = row.flag === null ? undefined : from.flags[flagName(row.flag)]
  if (flag !== undefined) return { raw: flag, name: row.flag!, base: cwd }
  const variable = from.env[row.variable]
  if (variable) return { raw: variable, name: row.variable, base: cwd }
  const appsDir = row.key === 'dataDir' ? from.file.appsDir : null
  const value: FileValue | null = from.file.values.get(row.key) ?? appsDir
  if (!value) return null
  const name = `${from.filePath}:${value.line}: ${value.name}`
  return { raw: value.raw, name, base: dirname(from.filePath ?? cwd) }
}

/** commander's name of `--http-port`: `httpPort`. */
function flagName(flag: string): string {
  return flag.slice(2).replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())
}

function parseSource(row: SettingRow, source: Source): string | number | null {
  const parsed = parseSetting(source.raw, row.type, source.base)
  if ('value' in parsed) return parsed.value
  // A token must not reach a log, also when it is wrong.
  const came = row.type.kind === 'token' ? 'something else' : show(source.raw)
  throw new AppError('bad-setting', `${source.name} is ${came}; wanted ${parsed.wanted}`, {
    data: { field: row.key, from: source.name },
  })
}

function show(raw: unknown): string {
  if (typeof raw === 'object' && raw !== null) return 'a list or an object'
  return JSON.stringify(typeof raw === 'string' ? raw.slice(0, 80) : raw)
}

function checkTogether(settings: Settings): void {
  const { instancePortMin, instancePortMax, httpPort, httpsPort, apiPort } = settings
  if (instancePortMin > instancePortMax) {
    const range = `${instancePortMin} to ${instancePortMax}`
    throw new AppError('bad-setting', `The instances' ports go from ${range}: that is none`, {
      data: { field: 'instancePortMax' },
    })
  }
  if (httpPort === apiPort && httpPort !== 0) {
    throw new AppError('bad-setting', `Apps and API cannot both have port ${httpPort}`, {
      hint: 'Choose another --http-port or --api-port.',
      data: { field: 'apiPort' },
    })
  }
  if ((settings.acmeEabKeyId === null) !== (settings.acmeEabKey === null)) {
    throw new AppError('bad-setting', 'Of the external account only one half is set', {
      hint: 'Give --acme-eab-key-id and VIADUCT_ACME_EAB_KEY, or neither.',
      data: { field: 'acmeEabKey' },
    })
  }
  if (settings.proxyProtocol === 'on' && settings.trustedProxies === '') {
    throw new AppError('bad-setting', 'PROXY headers are on, but no proxy is trusted', {
      hint: 'Say with --trusted-proxies where they come from, such as 10.0.0.0/8.',
      data: { field: 'proxyProtocol' },
    })
  }
  if (httpsPort && (httpsPort === httpPort || httpsPort === apiPort)) {
    const other = httpsPort === httpPort ? 'http' : 'the API'
    throw new AppError('bad-setting', `https and ${other} cannot both have port ${httpsPort}`, {
      hint: 'Choose another --https-port.',
      data: { field: 'httpsPort' },
    })
  }
}
