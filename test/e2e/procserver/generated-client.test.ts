/**
 * `openapi.json` is good enough for a client that a generator makes of it: it compiles strictly,
 * and what it calls answers as its types say. The generator comes from the npm registry, pinned.
 */
import assert from 'node:assert/strict'
import { copyFile, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { runCommand } from '../harness/run-command.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { openGitApp } from './git-app.ts'

const repository = join(import.meta.dirname, '../../..')
const pinned = { 'openapi-typescript': '7.13.0', 'openapi-fetch': '0.17.0', typescript: '5.9.3' }

const strict = {
  compilerOptions: {
    ...{ strict: true, noEmit: true, types: [], allowImportingTsExtensions: true },
    ...{ module: 'nodenext', target: 'es2024', lib: ['es2024', 'dom', 'dom.iterable'] },
  },
  files: ['program.ts', 'globals.d.ts'],
}

const program = `
import createClient from 'openapi-fetch'
import type { components, paths } from './schema.d.ts'

const { API = '', TOKEN = '', REPO = '' } = process.env
const client = createClient<paths>({ baseUrl: API, headers: { authorization: \`Bearer \${TOKEN}\` } })

function check<T, E extends components['schemas']['Problem']>(answer: { data?: T; error?: E }): T {
  if (answer.error !== undefined) throw new Error(answer.error.code + ': ' + answer.error.detail)
  if (answer.data === undefined) throw new Error('no data')
  return answer.data
}

const manifest: components['schemas']['Manifest'] = { name: 'made', repo: { url: REPO }, scale: { web: 1 } }
const made = check(
  await client.POST('/applications', {
    params: { query: { wait: 'ready' }, header: { 'Idempotency-Key': 'one' } },
    body: manifest,
  }),
)
const state: 'succeeded' | undefined =
  made.deploy?.state === 'succeeded' ? made.deploy.state : undefined
const list = check(await client.GET('/applications', { params: { query: { limit: 10 } } }))
const params = { path: { name: 'made' } }
const app = check(await client.GET('/applications/{name}', { params }))
const again = check(
  await client.POST('/applications/{name}/redeploy', { params: { ...params, query: { wait: 'ready' } } }),
)
const log = check(
  await client.GET('/applications/{name}/logs/{stream}', {
    params: { path: { name: 'made', stream: 'install' }, query: { lines: 5 } },
    parseAs: 'text',
  }),
)
const missing = await client.GET('/applications/{name}', { params: { path: { name: 'nobody' } } })
const code: string | undefined = missing.error?.code
// @ts-expect-error -- there is no such field
void app.nothing
console.log(
  JSON.stringify({
    state,
    names: list.map((one) => one.name),
    url: app.source?.url,
    release: again.release,
    hasLog: log.length > 0,
    code,
  }),
)
`

test('a generated client compiles and works', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'viaduct-client-'))
  const bin = (name: string): string => join(folder, 'node_modules/.bin', name)
  const run = async (command: readonly string[], env = process.env) => {
    const { code, stdout, stderr } = await runCommand(command, {
      cwd: folder,
      env,
      timeoutMs: 120_000,
    })
    return { code, output: `${command.join(' ')}\n${stdout}${stderr}`, stdout }
  }
  try {
    await writeFile(
      join(folder, 'package.json'),
      JSON.stringify({ type: 'module', dependencies: pinned }),
    )
    const options = ['--no-audit', '--no-fund', '--ignore-scripts', '--fetch-retries=1']
    const installed = await run(['npm', 'install', ...options])
    if (installed.code !== 0) return t.skip(`The generator cannot be had: ${installed.output}`)
    await copyFile(join(repository, 'openapi.json'), join(folder, 'openapi.json'))
    await writeFile(join(folder, 'program.ts'), program)
    await writeFile(join(folder, 'tsconfig.json'), JSON.stringify(strict))
    const globals = 'declare const process: { env: Record<string, string | undefined> }\n'
    await writeFile(join(folder, 'globals.d.ts'), globals)
    const steps = [[bin('openapi-typescript'), 'openapi.json', '-o', 'schema.d.ts'], [bin('tsc')]]
    for (const step of steps) {
      const { code, output } = await run(step)
      assert.equal(code, 0, output)
    }
    await using platform = await startPlatform()
    await using code_ = await openGitApp()
    const env = { ...process.env, API: platform.apiUrl, TOKEN: platform.token, REPO: code_.url }
    const { code, output, stdout } = await run([process.execPath, 'program.ts'], env)
    assert.equal(code, 0, output)
    assert.deepEqual(JSON.parse(stdout), {
      state: 'succeeded',
      names: ['made'],
      url: code_.url,
      release: 2,
      hasLog: true,
      code: 'app-not-found',
    })
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
})
