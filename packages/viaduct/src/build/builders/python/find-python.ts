/** Finds the Pythons of this machine that apps can use, and the one that an app wants. */
import { execFile } from 'node:child_process'
import { readdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { AppError } from '../../../model/app-error.ts'
import { toolQuestionTimeoutMs } from '../../../model/limits.ts'
import { compareVersions, satisfies } from '../../tools/version-range.ts'
import type { PythonWish } from './python-wish.ts'

export interface Python {
  /** Absolute, without links: an upgrade of `python3` to another version does not change it. */
  readonly path: string
  /** `3.11.2` */
  readonly version: string
  /** Debian keeps what makes environments in a package of its own. */
  readonly canMakeVenv: boolean
}

/** Where instances look for commands, too. */
const systemDirs = ['/usr/local/bin', '/usr/bin']

const question =
  'import sys, importlib.util as u; ' +
  'print("%d.%d.%d" % sys.version_info[:3], bool(u.find_spec("venv") and u.find_spec("ensurepip")))'

/** The one called `python3` first, which is what people mean; the others by name. */
export async function findPythons(signal: AbortSignal, dirs = systemDirs): Promise<Python[]> {
  const paths = new Set<string>()
  for (const name of [/^python3$/, /^python3\.\d+$/]) {
    for (const dir of dirs) {
      const names = await readdir(dir).catch(() => []) // Not every system has both folders.
      for (const each of names.filter((one) => name.test(one)).toSorted()) {
        const path = await realpath(join(dir, each)).catch(() => null) // It leads nowhere.
        if (path !== null) paths.add(path)
      }
    }
  }
  const asked = await Promise.all([...paths].map((path) => ask(path, signal)))
  return asked.filter((each) => each !== null)
}

/** @returns null for what does not run. */
async function ask(path: string, signal: AbortSignal): Promise<Python | null> {
  const options = { signal, timeout: toolQuestionTimeoutMs, cwd: '/', env: {} }
  try {
    const { stdout } = await promisify(execFile)(path, ['-I', '-c', question], options)
    const [version = '', canMakeVenv] = stdout.trim().split(' ')
    return { path, version, canMakeVenv: canMakeVenv === 'True' }
  } catch {
    signal.throwIfAborted()
    return null
  }
}

/**
 * The newest that is asked for; without a wish, the system's `python3`. Pure.
 *
 * @param pythons As `findPythons` has them.
 * @throws {AppError} `build-failed`: there is none; the message names what is there.
 */
export function choosePython(pythons: readonly Python[], wish: PythonWish | null): Python {
  const fitting = pythons.filter(({ version }) => wish === null || satisfies(version, wish.range))
  const sorted = fitting.toSorted((a, b) => compareVersions(b.version, a.version))
  const wanted = wish === null ? fitting : sorted
  const best = wanted.find(({ canMakeVenv }) => canMakeVenv)
  if (best) return best
  const [first] = wanted
  if (first) throw noVenv(first)
  throw noPython(pythons, wish)
}

function noVenv({ version }: Python): AppError {
  const minor = version.replace(/\.\d+$/, '')
  return new AppError('build-failed', `Python ${version} of this server cannot make environments`, {
    hint: `Install what its "venv" needs (Debian, Ubuntu: apt install python${minor}-venv).`,
    data: { lines: [] },
  })
}

function noPython(pythons: readonly Python[], wish: PythonWish | null): AppError {
  if (wish === null) {
    return new AppError('build-failed', 'There is no Python on this server', {
      hint: 'Install it (Debian, Ubuntu: apt install python3-venv).',
      data: { lines: [] },
    })
  }
  const installed = pythons.map(({ version }) => version).toSorted(compareVersions)
  const asked = `Python ${JSON.stringify(wish.written)}, which ${wish.askedBy} asks for`
  return new AppError('build-failed', `There is no ${asked}`, {
    hint:
      `On this server there is: ${installed.join(', ') || 'none'}. ` +
      `Put another one into ${systemDirs.join(' or ')}, as python3.N.`,
    data: { wanted: wish.written, installed, lines: [] },
  })
}
