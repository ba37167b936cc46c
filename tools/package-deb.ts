/**
 * Makes a Debian package, `npm run package`: the compiled product with its dependencies, Node.js
 * and npm below /usr/lib/viaduct, a systemd unit, settings, a man page and completions.
 *
 * The result is `viaduct_VERSION_ARCH.deb` in the folder that is given, or in this one; of the same
 * commit it is the same to the byte. `--quick` packs less tightly. What the service is told is in
 * packaging/debian.
 */
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { stagePackage } from './debian/stage-package.ts'

const root = join(import.meta.dirname, '..')
const { version } = JSON.parse(
  readFileSync(join(root, 'packages/viaduct/package.json'), 'utf8'),
) as { version: string }
const processors = new Map([
  ['x64', 'amd64'],
  ['arm64', 'arm64'],
])
const architecture = processors.get(process.arch)
if (architecture === undefined) throw new Error(`There is no package for ${process.arch}`)

const words = process.argv.slice(2)
const folder = resolve(words.find((word) => !word.startsWith('--')) ?? '.')
const compression = words.includes('--quick') ? ['-Zgzip', '-z1'] : ['-Zxz', '-z3']
if (!existsSync(folder)) throw new Error(`The folder ${folder} is not there`)
const target = join(folder, `viaduct_${version}_${architecture}.deb`)
const stage = mkdtempSync(join(tmpdir(), 'viaduct-deb-'))
try {
  const builtAt = commitTime()
  await stagePackage(stage, { root, version, architecture, builtAt })
  execFileSync('dpkg-deb', ['--root-owner-group', ...compression, '--build', stage, target], {
    env: { ...process.env, SOURCE_DATE_EPOCH: String(builtAt) },
    stdio: ['ignore', 'ignore', 'inherit'],
  })
  process.stdout.write(`${target}\n`)
} finally {
  rmSync(stage, { recursive: true, force: true })
}

/** Unix seconds of the newest commit: the time of every file in the package. */
function commitTime(): number {
  const words = ['log', '-1', '--format=%ct']
  try {
    return Number(execFileSync('git', words, { cwd: root, encoding: 'utf8' }))
  } catch {
    return Math.floor(Date.now() / 1_000) // No git, or no clone.
  }
}
