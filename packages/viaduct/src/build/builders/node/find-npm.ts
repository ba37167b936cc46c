/**
 * Finds the npm that builds run, and the platform's registry settings for it. npm is not part of
 * Viaduct: the platform's Node.js comes as the bare binary, so npm is the machine's, run with it.
 */
import { execFile } from 'node:child_process'
import { readFile, realpath, stat } from 'node:fs/promises'
import { delimiter, dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { npmQuestionTimeoutMs } from '../../../model/limits.ts'
import { systemCodeOf } from '../../../model/app-error.ts'

export interface Npm {
  /** Absolute path of `npm-cli.js`. */
  readonly cli: string
  /** Folder of the `npm` command, so that scripts can call it. */
  readonly binDir: string
  readonly version: string
  /** Range of the versions of Node.js that it runs with. */
  readonly runsOn: string
  /** Variables for builds: how the platform's user reaches the registry, without credentials. */
  readonly settings: Readonly<Record<string, string>>
}

interface NpmFacts {
  readonly version: string
  readonly engines?: { readonly node?: string }
}

const passedOn = ['registry', 'proxy', 'https-proxy', 'noproxy', 'cafile', 'strict-ssl']
const certificateVariables = ['NODE_EXTRA_CA_CERTS', 'SSL_CERT_FILE', 'SSL_CERT_DIR']

/**
 * Looks beside the platform's Node.js, then along PATH.
 *
 * @param options.node Absolute path of the platform's `node`.
 * @param options.env The platform's own environment.
 * @param options.forOtherUsers Builds run under other uids: all of npm must be readable for them.
 * @returns null when there is none.
 */
export async function findNpm(options: {
  node: string
  env: NodeJS.ProcessEnv
  forOtherUsers: boolean
}): Promise<Npm | null> {
  const dirs = [dirname(options.node), ...(options.env['PATH'] ?? '').split(delimiter)]
  for (const binDir of new Set(dirs.filter((dir) => dir.startsWith('/')))) {
    const cli = await cliOf(binDir)
    if (cli === null) continue
    if (options.forOtherUsers && !(await isReachable(cli))) continue
    const text = await readFile(join(dirname(cli), '..', 'package.json'), 'utf8')
    const { version, engines } = JSON.parse(text) as NpmFacts
    const runsOn = engines?.node ?? '*'
    return { cli, binDir, version, runsOn, settings: await settingsOf(cli, options) }
  }
  return null
}

/** `npm` is a link to npm-cli.js, or a script beside the `lib` folder that has it. */
async function cliOf(binDir: string): Promise<string | null> {
  if ((await realpathOrNull(binDir)) === null) return null
  for (const candidate of ['npm', '../lib/node_modules/npm/bin/npm-cli.js']) {
    const path = await realpathOrNull(join(binDir, candidate))
    if (path?.endsWith('/npm-cli.js') === true) return path
  }
  return null
}

async function realpathOrNull(path: string): Promise<string | null> {
  try {
    return await realpath(path)
  } catch (error) {
    const code = systemCodeOf(error)
    if (code === 'ENOENT' || code === 'ENOTDIR' || code === 'EACCES') return null
    throw error
  }
}

/** Whether any user can read a file: "other" may search every folder above it. */
export async function isReachable(path: string): Promise<boolean> {
  if (((await stat(path)).mode & 0o004) === 0) return false
  for (let dir = dirname(path); ; dir = dirname(dir)) {
    if (((await stat(dir)).mode & 0o001) === 0) return false
    if (dir === dirname(dir)) return true
  }
}

/** npm is asked, because it knows all its files; tokens are not among what it is asked for. */
async function settingsOf(
  cli: string,
  options: { node: string; env: NodeJS.ProcessEnv },
): Promise<Record<string, string>> {
  const { stdout } = await promisify(execFile)(
    options.node,
    [cli, 'config', 'list', '--json', '--loglevel=silent'],
    { cwd: '/', env: options.env, timeout: npmQuestionTimeoutMs, maxBuffer: 4 * 1024 * 1024 },
  )
  const config = JSON.parse(stdout) as Record<string, unknown>
  const settings: Record<string, string> = {}
  for (const key of passedOn) {
    const value = withoutCredentials(String(config[key] ?? ''))
    if (value !== '') settings[`npm_config_${key.replaceAll('-', '_')}`] = value
  }
  for (const name of certificateVariables) {
    const value = options.env[name]
    if (value) settings[name] = value
  }
  return settings
}

/** `https://user:password@host/` → `https://host/`; anything else stays as it is. */
export function withoutCredentials(text: string): string {
  if (!URL.canParse(text)) return text
  const url = new URL(text)
  if (url.username === '' && url.password === '') return text
  url.username = ''
  url.password = ''
  return url.href
}
