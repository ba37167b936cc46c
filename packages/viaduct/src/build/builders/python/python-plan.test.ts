import assert from 'node:assert/strict'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { test } from 'node:test'
import { FailureLines } from '../../failure-lines.ts'
import { parseRange, satisfies } from '../../tools/version-range.ts'
import { explainPip } from './explain-pip.ts'
import { choosePython, findPythons, type Python } from './find-python.ts'
import { parsePyproject } from './parse-pyproject.ts'
import { pythonBuilder } from './python-builder.ts'
import { type PythonPlan, readPythonPlan } from './python-plan.ts'
import { readPythonWish } from './python-wish.ts'
import { packageOf, readRequirements } from './read-requirements.ts'

const limit = { timeout: 10_000 }

async function inTree<T>(
  files: Readonly<Record<string, string>>,
  look: (tree: string) => Promise<T>,
): Promise<T> {
  const tree = await mkdtemp(join(tmpdir(), 'viaduct-python-plan-'))
  try {
    for (const [path, text] of Object.entries(files)) {
      await mkdir(dirname(join(tree, path)), { recursive: true })
      await writeFile(join(tree, path), text)
    }
    return await look(tree)
  } finally {
    await rm(tree, { recursive: true })
  }
}

const planOf = (files: Readonly<Record<string, string>>): Promise<PythonPlan | null> =>
  inTree(files, readPythonPlan)

test('requirements are read with the files that they include, once each', async () => {
  const found = await inTree(
    {
      'requirements.txt':
        '-r deploy/base.txt\n--constraint=pins.txt\n\uFEFFx\nFlask [async]>=3 # y\n',
      'deploy/base.txt': '-r more.txt\nDjango.Extensions \\\n  --hash=sha256:00\n',
      'deploy/more.txt': '-r ../requirements.txt\ngunicorn\n',
      'pins.txt': '# nothing but pins\nzope==1\n',
    },
    readRequirements,
  )
  assert.deepEqual(
    found?.files.map(({ name }) => name),
    ['requirements.txt', 'deploy/base.txt', 'pins.txt', 'deploy/more.txt'],
  )
  assert.ok(['flask', 'django-extensions', 'gunicorn'].every((name) => found?.packages.has(name)))
  assert.equal(found?.isMoving, false)
  assert.equal(packageOf('https://example.org/x.whl'), null)
  assert.equal(packageOf('ruamel.yaml~=0.18; python_version > "3"'), 'ruamel-yaml')
})

test('what names files of the app, or a branch, is never cached', async () => {
  const commit = 'c0ffee'.repeat(7).slice(0, 40)
  const lines: Readonly<Record<string, boolean>> = {
    '-e .': true,
    './lib': true,
    'wheels/x-1-py3-none-any.whl': true,
    '--find-links wheels': true,
    'x @ file:///srv/x': true,
    'git+https://example.org/x.git@main': true,
    [`x @ git+https://example.org/x.git@${commit}`]: false,
    'https://example.org/x-1-py3-none-any.whl': false,
    '--find-links https://example.org/wheels/': false,
    'flask==3.0': false,
    '-r https://example.org/x.txt': true,
    '-r base.txt': false,
  }
  for (const [line, isMoving] of Object.entries(lines)) {
    const found = await inTree({ 'requirements.txt': line }, readRequirements)
    assert.equal(found?.isMoving, isMoving, line)
  }
})

test('pyproject.toml counts when it has a project, not only settings of tools', async () => {
  assert.equal(await planOf({ 'pyproject.toml': '[tool.black]\nline-length = 100\n' }), null)
  assert.equal(await planOf({ 'package.json': '{}' }), null)
  const facts = parsePyproject(
    `[project]\nname = 'Acme.Shop'\nrequires-python = ">=3.9,<4" # x\ndependencies = [
      "flask[async] >= 3", # "not this"
      'gunicorn',
    ]
    [project.optional-dependencies]\ntest = ["pytest"]\n`,
  )
  assert.deepEqual(facts, {
    isProject: true,
    hasBuildSystem: false,
    appName: 'acme-shop',
    requiresPython: '>=3.9,<4',
    dependencies: ['flask[async] >= 3', 'gunicorn'],
  })
  const both = { 'pyproject.toml': '[build-system]\nrequires = []\n', 'requirements.txt': '' }
  assert.equal((await planOf(both))?.origin, 'requirements')
  const { 'pyproject.toml': alone } = both
  assert.equal((await planOf({ 'pyproject.toml': alone }))?.origin, 'package')
})

test(
  'hostile files are read in no time, and name no path that the system refuses',
  limit,
  async () => {
    assert.equal(parsePyproject(`[${' '.repeat(1_000_000)}\n[project]\n`).isProject, true)
    await writeAndRead(`-r ${'x'.repeat(5_000)}\n-r a\0b\n-r requirements.txt/x\nflask\n`)
  },
)

async function writeAndRead(text: string): Promise<void> {
  const found = await inTree({ 'requirements.txt': text }, readRequirements)
  assert.equal(found?.files.length, 1)
  assert.ok(found?.packages.has('flask'))
}

test('the server among the dependencies serves the app that is there', async () => {
  const flask = { 'requirements.txt': 'flask\ngunicorn\n' }
  const cases: readonly (readonly [Record<string, string>, string | null])[] = [
    [{ ...flask, 'app.py': 'app = Flask(__name__)\n' }, 'gunicorn --bind "$HOST:$PORT" app:app'],
    [
      { ...flask, 'app.py': 'app = 1', 'wsgi.py': 'from shop import app as application\n' },
      'gunicorn --bind "$HOST:$PORT" wsgi:application',
    ],
    [
      { 'requirements.txt': 'fastapi\nuvicorn\ngunicorn\n', 'main.py': 'app: FastAPI = FastAPI()' },
      'uvicorn --host "$HOST" --port "$PORT" main:app',
    ],
    [
      {
        'requirements.txt': 'Django\ngunicorn\n',
        'manage.py': `  os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n`,
      },
      'gunicorn --bind "$HOST:$PORT" shop.wsgi:application',
    ],
    [{ 'requirements.txt': 'flask\n', 'app.py': 'app = Flask(__name__)\n' }, null],
    [{ ...flask, 'app.py': 'if app == 1:\n  app = 2\n' }, null],
    [{ ...flask, 'manage.py': `'DJANGO_SETTINGS_MODULE', '$(x).settings'` }, null],
  ]
  for (const [files, web] of cases) assert.equal((await planOf(files))?.web, web)
})

test('what Python asks of versions is understood, and the first file counts', async () => {
  const wish = (files: Record<string, string>, requires: string | null = null) =>
    inTree(files, (tree) => readPythonWish(tree, requires))
  assert.equal(await wish({ 'runtime.txt': 'ruby-3.3\n' }), null)
  const pinned = await wish({ '.python-version': '# x\n\n3.11.4\n', 'runtime.txt': 'python-3.9' })
  assert.equal(pinned?.askedBy, '.python-version')
  const fits: Readonly<Record<string, readonly string[]>> = {
    '3.11.4': ['3.11.2'],
    '3.11': ['3.11.2'],
    '==3.11.*': ['3.11.2'],
    '>=3.9, <3.13, !=3.9.1': ['3.9.18', '3.11.2'],
    '~=3.11': ['3.11.2', '3.13.0'],
    '~=3.11.1': ['3.11.2'],
    '>= 3.12': ['3.13.0'],
  }
  for (const [written, wanted] of Object.entries(fits)) {
    const found = await wish({}, written)
    const versions = ['3.9.18', '3.11.2', '3.13.0']
    assert.deepEqual(
      versions.filter((version) => found && satisfies(version, found.range)),
      wanted,
      written,
    )
  }
})

test('of several Pythons the newest that fits is used; the system chooses without a wish', () => {
  const python = (version: string, canMakeVenv = true): Python => {
    return { path: `/usr/bin/python${version}`, version, canMakeVenv }
  }
  const all = [python('3.11.2'), python('3.9.18'), python('3.13.0', false), python('3.12.1')]
  const wish = (range: string) => ({ written: range, askedBy: 'x', range: parseRange(range)! })
  assert.equal(choosePython(all, null).version, '3.11.2')
  assert.equal(choosePython(all, wish('>=3')).version, '3.12.1')
  assert.throws(() => choosePython(all, wish('3.13')), {
    message: 'Python 3.13.0 of this server cannot make environments',
    hint: /apt install python3\.13-venv/,
  })
  assert.throws(() => choosePython(all, wish('3.2')), {
    hint: /^On this server there is: 3\.9\.18, 3\.11\.2, 3\.12\.1, 3\.13\.0\. Put another one/,
  })
  assert.throws(() => choosePython([], null), { message: 'There is no Python on this server' })
})

test('what is called python3 and is none is passed over', async () => {
  const files = { python3: '#!/bin/sh\nexit 1\n', 'python3.9': 'no program' }
  await inTree(files, async (dir) => {
    assert.deepEqual(await findPythons(new AbortController().signal, [dir, join(dir, 'no')]), [])
  })
})

test('a lock of uv is said not to be read; what pip says gets a hint', async () => {
  const files = { 'pyproject.toml': '[project]\nname = "x"\n', 'uv.lock': 'version = 1\n' }
  const found = await inTree(files, (tree) => pythonBuilder.detect(tree, { hasCommands: false }))
  assert.match(found?.reasons.join() ?? '', /uv\.lock is not read/)
  const said: Readonly<Record<string, RegExp>> = {
    'fatal error: Python.h: No such file or directory': /build-essential and python3-dev/,
    "error: command 'gcc' failed: No such file or directory": /build-essential/,
    'WARNING: Retrying … NewConnectionError(<pip.…>)': /does not reach Python's index/,
    'ERROR: ResolutionImpossible: for help visit': /exclude each other/,
    'something else': /last lines say why/,
  }
  for (const [line, hint] of Object.entries(said)) {
    const lines = new FailureLines()
    lines.add(line)
    lines.add('ERROR: the end')
    assert.match(explainPip(lines), hint)
  }
})
