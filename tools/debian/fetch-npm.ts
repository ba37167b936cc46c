/**
 * npm for the package: the platform brings its own Node.js, and most builds of Node.js apps need
 * npm beside it, which Debian has in an old version with 300 packages.
 */
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'

const version = '11.19.1'
/** What the registry said of it when it was chosen. */
const integrity =
  'sha512-ztsxKxt/kkIaAs+2i0GU6I+DRmUdrNasxTZKJe9TCdSjKxlhah/4r/hl5ygMD6XAg1qZ9c2TNomR4qgOydp10g=='

/**
 * @param target Folder that it makes, with `bin/npm` in it.
 * @throws {Error} It cannot be fetched, or is not what was chosen.
 */
export function fetchNpm(target: string): void {
  mkdirSync(target, { recursive: true })
  const options = { cwd: target, encoding: 'utf8', timeout: 120_000 } as const
  execFileSync('npm', ['pack', '--silent', `npm@${version}`], options)
  const archive = join(target, `npm-${version}.tgz`)
  const found = `sha512-${createHash('sha512').update(readFileSync(archive)).digest('base64')}`
  if (found !== integrity) throw new Error(`npm ${version} is ${found}, not ${integrity}`)
  execFileSync('tar', ['-xzf', archive, '--strip-components=1', '--no-same-owner'], options)
  rmSync(archive)
}
