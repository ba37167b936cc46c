/**
 * A Flask app through the public interface: its packages come from Debian, made into wheels that
 * pip installs from a folder; gunicorn serves it.
 */
import assert from 'node:assert/strict'
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { makeWheel } from '../../../packages/viaduct/src/build/builders/python/fixtures/make-wheel.ts'
import { debianPython } from '../../../tools/debian-tools.ts'
import { startLoad } from '../../../tools/load/start-load.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

/** Their modules, and what each needs of the others. */
const packages: readonly { name: string; modules: readonly string[]; requires: string[] }[] = [
  { name: 'click', modules: ['click'], requires: [] },
  { name: 'itsdangerous', modules: ['itsdangerous'], requires: [] },
  { name: 'markupsafe', modules: ['markupsafe'], requires: [] },
  { name: 'jinja2', modules: ['jinja2'], requires: ['markupsafe'] },
  { name: 'werkzeug', modules: ['werkzeug'], requires: ['markupsafe'] },
  { name: 'flask', modules: ['flask'], requires: ['click', 'itsdangerous', 'jinja2', 'werkzeug'] },
]

/** @returns null where Debian's packages cannot be had. */
async function makeWheels(dir: string): Promise<boolean> {
  const flask = await debianPython('python3-flask', 'flask')
  const gunicorn = await debianPython('python3-gunicorn', 'gunicorn')
  if (!flask || !gunicorn) return false
  const modulesOf = (env: Record<string, string>, names: readonly string[]): string[] =>
    names.map((name) => join(env['PYTHONPATH'] ?? '', name))
  for (const { name, modules, requires } of packages) {
    makeWheel(dir, { name, version: '1.0', requires, paths: modulesOf(flask.env, modules) })
  }
  makeWheel(dir, {
    ...{ name: 'gunicorn', version: '1.0', paths: modulesOf(gunicorn.env, ['gunicorn']) },
    commands: { gunicorn: 'gunicorn.app.wsgiapp:run' },
  })
  return true
}

const server = (version: number): string => `import flask, os
app = flask.Flask(__name__)

@app.get("/")
def index():
    path = os.environ["PATH"]
    return flask.render_template_string("flask {{ v }} {{ path }}\\n", v=${version}, path=path)

@app.post("/echo")
def echo():
    return flask.request.get_data()
`

test(
  'a Flask app is deployed twice under load, rolled back, scaled, and loses nothing',
  {
    timeout: 400_000,
  },
  async (t) => {
    const root = await mkdtemp(join(tmpdir(), 'viaduct-python-apps-'))
    t.after(() => rm(root, { recursive: true }))
    await chmod(root, 0o755)
    if (!(await makeWheels(root))) return t.skip("Debian's packages cannot be had on this machine")
    const env = { PIP_NO_INDEX: '1', PIP_FIND_LINKS: root }
    const app = await mkdtemp(join(root, 'app-'))
    const write = async (version: number, requirements: string): Promise<void> => {
      await writeFile(join(app, 'app.py'), server(version))
      await writeFile(join(app, 'requirements.txt'), requirements)
      await writeFile(join(app, 'viaduct.json'), JSON.stringify({ name: 'shop', env }))
    }
    const answer = async (): Promise<string> => (await fetchApp(platform.url('shop'))).body
    await using platform = await startPlatform({ proxies: 1 })
    await write(1, 'flask\ngunicorn\n')
    await platform.run('deploy', app)
    assert.match(await answer(), /^flask 1 .*\/artifacts\/[0-9a-f]{64}\/\.venv\/bin:/)

    const mix = { get: 2, new: 2, post: 2, slow: 0, sse: 0, ws: 0 }
    await using load = await startLoad({ url: platform.url('shop'), rate: 50, mix })
    await until(() => (load.totals()?.requests ?? 0) > 50)
    await write(2, 'flask\ngunicorn\n')
    await platform.run('deploy', app)
    assert.match(await answer(), /^flask 2 /)
    const log = await platform.run(
      'logs',
      '--app',
      'shop',
      '--stream',
      'install',
      '--release',
      'v2',
    )
    assert.doesNotMatch(log, /pip install/, 'Unchanged requirements were installed again')
    await platform.run('scale', 'web=2', '--app', 'shop')
    await platform.run('rollback', '--app', 'shop')
    assert.match(await answer(), /^flask 1 /)

    await write(3, 'flask\ngunicorn\nno-such-package\n')
    const failed = await platform.cli(['deploy', app])
    assert.equal(failed.code, 1)
    assert.match(failed.stderr, /"pip install -r requirements\.txt" ended with code 1/)
    assert.match(failed.stderr, /No index has such a package/)
    assert.match(await answer(), /^flask 1 /)
    assert.deepEqual((await load.stop()).failures, [])
  },
)
