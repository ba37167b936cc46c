/** The package as it is published, in a folder of its own, and which Node.js there are to run it. */
import { spawn, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { cp, mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const packageFolder = join(import.meta.dirname, '..')
const buildTool = join(packageFolder, '../../tools/build-supervise.ts')

export class BuiltPackage implements AsyncDisposable {
  /** Programs in here can `require('@viaduct/supervise')`. */
  readonly folder: string

  private constructor(folder: string) {
    this.folder = folder
  }

  /** @param options.tests Compiles the tests too. */
  static async build(options: { tests?: boolean } = {}): Promise<BuiltPackage> {
    const built = new BuiltPackage(await mkdtemp(join(tmpdir(), 'supervise-built-')))
    const target = join(built.folder, 'node_modules/@viaduct/supervise')
    const words = ['--out', join(target, 'dist'), ...(options.tests ? ['--tests'] : [])]
    const { code, output } = await run(process.execPath, [buildTool, ...words])
    if (code !== 0) throw new Error(`The build failed: ${output}`)
    await cp(join(packageFolder, 'package.json'), join(target, 'package.json'))
    await mkdir(join(built.folder, 'examples'))
    await cp(join(packageFolder, 'examples'), join(built.folder, 'examples'), { recursive: true })
    return built
  }

  get compiled(): string {
    return join(this.folder, 'node_modules/@viaduct/supervise/dist/cjs')
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.folder, { recursive: true, force: true })
  }
}

export async function run(
  command: string,
  words: readonly string[],
  options: { cwd?: string } = {},
): Promise<{ code: number | null; output: string }> {
  const env = { ...process.env }
  delete env.NODE_TEST_CONTEXT // What is started is a test run of its own.
  const child = spawn(command, words, { ...options, env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (chunk) => (output += String(chunk)))
  }
  return await new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code) => resolve({ code, output }))
  })
}

/** The path of a Node.js 20 to 23, or null. */
export function findOlderNode(): string | null {
  const folders = ['/usr/bin', '/usr/local/bin', ...(process.env.PATH ?? '').split(':')]
  for (const path of folders.map((folder) => join(folder, 'node'))) {
    if (!existsSync(path)) continue
    const major = Number(/^v(\d+)/.exec(spawnSync(path, ['--version']).stdout.toString())?.[1])
    if (major >= 20 && major < 24) return path
  }
  return null
}
