import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmod, mkdtemp, realpath, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { asApp, type Files, sourceOf, TestBuilds } from '../../fixtures/test-builds.ts'
import { makeWheel } from './fixtures/make-wheel.ts'

const limit = { timeout: 180_000 }
const hasPython = spawnSync('/usr/bin/python3', ['-c', 'import venv, ensurepip']).status === 0
const skip = !hasPython && 'python3 with venv is not on this machine'
let builds: TestBuilds
let wheels = ''
before(async () => {
  builds = await TestBuilds.open()
  wheels = await mkdtemp(join(tmpdir(), 'viaduct-wheels-'))
  await chmod(wheels, 0o755)
  if (!hasPython) return
  for (const version of ['1.0', '2.0']) {
    makeWheel(wheels, {
      ...{ name: 'greeter', version, requires: ['shout'] },
      files: {
        'greeter.py':
          'import sys, shout\n' +
          `def main(): print(shout.up("hi ${version}"), *sys.argv[1:], sys.prefix)\n`,
      },
      commands: { greet: 'greeter:main' },
    })
  }
  makeWheel(wheels, {
    ...{ name: 'shout', version: '1.0' },
    files: { 'shout.py': 'up = str.upper\n' },
  })
})
beforeEach(() => builds.renew())
after(async () => {
  await builds[Symbol.asyncDispose]()
  await rm(wheels, { recursive: true })
})

const procfile = { Procfile: 'web: greet\n' }

/** pip gets its packages from the folder; else all is as in a deploy. */
function build(files: Files, round = 'a', options: Parameters<TestBuilds['build']>[1] = {}) {
  const env = { PIP_NO_INDEX: '1', PIP_FIND_LINKS: wheels, ...options.env }
  const source = sourceOf(files, round.repeat(64))
  return builds.build(files, { ...options, source, env })
}

const venvAndPip = ['python -m venv .venv', 'pip install -r requirements.txt']

test(
  'an environment works where the release is, and is of its own',
  { ...limit, skip },
  async () => {
    const files = {
      'requirements.txt': '-r base.txt\n',
      'base.txt': 'greeter==1.0  # old\n',
      ...procfile,
    }
    const { path, steps, dependencies, runtime } = await build(files)
    assert.deepEqual(steps, venvAndPip)
    assert.equal(dependencies, 'installed')
    assert.deepEqual(runtime, { tools: [], path: ['.venv/bin'], env: { PYTHONUNBUFFERED: '1' } })
    assert.equal(asApp(path, '.venv/bin/greet "two  words"'), `HI 1.0 two  words ${path}/.venv\n`)
    assert.equal(asApp('/', `PATH=${path}/.venv/bin:$PATH; greet`), `HI 1.0 ${path}/.venv\n`)
    const found = spawnSync('grep', ['-rlI', dirname(path), '--include=*', join(path, '.venv/bin')])
    assert.equal(String(found.stdout), '', 'A path of a build is left')
    assert.match(await realpath(join(path, '.venv/bin/python')), /^\/usr\/.*python3\.\d+$/)
  },
)

test(
  'unchanged requirements install nothing, and share files; others are installed',
  { ...limit, skip },
  async () => {
    const files = { 'requirements.txt': '-r base.txt\n', 'base.txt': 'greeter==1.0\n', ...procfile }
    const first = await build(files)
    const second = await build({ ...files, 'more.txt': '' }, 'b')
    assert.equal(second.dependencies, 'cached')
    assert.deepEqual(second.steps, [])
    assert.notEqual(second.path, first.path)
    assert.equal(asApp(second.path, '.venv/bin/greet'), `HI 1.0 ${second.path}/.venv\n`)
    const [inode, other] = await Promise.all(
      [first, second].map(async ({ path }) => (await stat(join(path, '.venv/bin/greet'))).ino),
    )
    assert.equal(inode, other)

    const third = await build({ ...files, 'base.txt': 'greeter==2.0\n' }, 'c')
    assert.deepEqual(third.steps, venvAndPip)
    assert.equal(asApp(third.path, '.venv/bin/greet'), `HI 2.0 ${third.path}/.venv\n`)
    assert.equal(asApp(first.path, '.venv/bin/greet'), `HI 1.0 ${first.path}/.venv\n`)
  },
)

test(
  'what install commands add works in the release, and changes no cache',
  { ...limit, skip },
  async () => {
    const more = { 'viaduct.json': '{"install": ["pip install greeter==2.0"]}', ...procfile }
    const files = { 'requirements.txt': 'greeter==1.0\n', ...more }
    const first = await build(files)
    assert.equal(asApp(first.path, '.venv/bin/greet'), `HI 2.0 ${first.path}/.venv\n`)
    const plain = await build({ 'requirements.txt': 'greeter==1.0\n', ...procfile }, 'b')
    assert.equal(plain.dependencies, 'cached')
    assert.equal(asApp(plain.path, '.venv/bin/greet'), `HI 1.0 ${plain.path}/.venv\n`)
  },
)

test('a project that is no package gets its dependencies', { ...limit, skip }, async () => {
  const pyproject =
    '[project]\nname = "The_Shop"\nversion = "1"\nrequires-python = ">=3.8, !=3.9.1"\n' +
    'dependencies = [\n  "greeter ~= 1.0", # with [brackets]\n]\n[tool.black]\nname = "no"\n'
  const { path, steps, manifest } = await build({ 'pyproject.toml': pyproject, ...procfile })
  assert.equal(steps.at(-1), 'pip install what pyproject.toml depends on')
  assert.equal(manifest.name, 'the-shop')
  assert.equal(asApp(path, '.venv/bin/greet'), `HI 1.0 ${path}/.venv\n`)
})

/** What builds a package, as a part of the app: no index is asked for it. */
const backend = `import os, zipfile
def write(folder, files):
    info = "own-1.dist-info"
    name = "own-1-py3-none-any.whl"
    files[info + "/METADATA"] = "Metadata-Version: 2.1\\nName: own\\nVersion: 1\\n"
    files[info + "/WHEEL"] = "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n"
    files[info + "/RECORD"] = ""
    with zipfile.ZipFile(os.path.join(folder, name), "w") as archive:
        for path, text in files.items():
            archive.writestr(path, text)
    return name
def build_wheel(folder, *_):
    return write(folder, {"own.py": open("lib/own.py").read()})
def build_editable(folder, *_):
    return write(folder, {"own.pth": os.path.join(os.getcwd(), "lib") + "\\n"})
`

test('the app itself is installed as the package that it is', { ...limit, skip }, async () => {
  const files = {
    'pyproject.toml':
      '[build-system]\nrequires = []\nbuild-backend = "backend"\nbackend-path = ["."]\n' +
      '[project]\nname = "own"\nversion = "1"\n',
    'backend.py': backend,
    'lib/own.py': 'import pathlib\nprint(pathlib.Path(__file__).parent)\n',
    ...procfile,
  }
  const first = await build(files)
  assert.equal(first.steps.at(-1), 'pip install .')
  const importOwn = '.venv/bin/python -c "import own"'
  assert.match(asApp(first.path, importOwn), /\/\.venv\/lib\/python3\.\d+\/site-packages\n$/)

  const linked = await build({ ...files, 'requirements.txt': '-e .\n' }, 'b')
  assert.equal(asApp(linked.path, importOwn), `${linked.path}/lib\n`)
})

test('a failure of pip says what to do', { ...limit, skip }, async () => {
  const failed = build({ 'requirements.txt': 'no-such-package==1\n', ...procfile })
  await assert.rejects(failed, {
    code: 'build-failed',
    message: '"pip install -r requirements.txt" ended with code 1',
    hint: /No index has such a package or version/,
  })
})

test('another Python is chosen by its files, or missed by name', { ...limit, skip }, async () => {
  const files = { 'requirements.txt': '', ...procfile }
  await assert.rejects(build({ ...files, 'runtime.txt': 'python-3.2.1\n' }, 'b'), {
    code: 'build-failed',
    message: 'There is no Python "3.2.1", which runtime.txt asks for',
    hint: /^On this server there is: .*3\.\d+\.\d+/,
  })
  await assert.rejects(build({ ...files, '.python-version': 'pypy3.10\n' }, 'c'), {
    code: 'bad-manifest',
    message: '.python-version asks for Python "pypy3.10", but wants a version',
  })
})
