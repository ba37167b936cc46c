/** A PHP page through the public interface, run by Debian's PHP. */
import assert from 'node:assert/strict'
import { chmod, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { debianTool } from '../../../tools/debian-tools.ts'
import { startLoad } from '../../../tools/load/start-load.ts'
import { fetchApp } from '../harness/fetch-app.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { until } from '../harness/until.ts'

test(
  'a PHP page is deployed twice under load, rolled back, scaled, and loses nothing',
  {
    timeout: 300_000,
  },
  async (t) => {
    const php = await debianTool('php8.2')
    if (!php) return t.skip("Debian's PHP cannot be had on this machine")
    const root = await mkdtemp(join(tmpdir(), 'viaduct-php-apps-'))
    t.after(() => rm(root, { recursive: true }))
    await chmod(root, 0o755)
    await mkdir(join(root, 'bin'))
    const { LD_LIBRARY_PATH: libraries = '' } = php.env
    const command = `#!/bin/sh\nLD_LIBRARY_PATH='${libraries}' exec '${php.command}' -n "$@"\n`
    await writeFile(join(root, 'bin/php'), command, { mode: 0o755 })
    const page = join(root, 'page')
    await mkdir(join(page, 'vendor'), { recursive: true })
    const write = (name: string, text: string): Promise<void> => writeFile(join(page, name), text)
    const index = (version: number): string => {
      const body = `"page ${version} " . $_SERVER['REQUEST_URI'] . "\\n"`
      return `<?php echo $_SERVER['REQUEST_METHOD'] === 'POST' ? file_get_contents('php://input') : ${body};`
    }
    await write('index.php', index(1))
    await write('style.css', 'a {}\n')
    await write('.env', 'KEY=secret\n')
    await write('viaduct.json', '{ "env": { "KEY": "secret" } }')
    await write('vendor/x.php', '<?php echo "vendor";')
    const path = `${join(root, 'bin')}:${process.env['PATH']}`
    await using platform = await startPlatform({ proxies: 1, env: { PATH: path } })
    const get = (target = '/') => fetchApp(platform.url('page'), { path: target })
    await platform.run('deploy', page)
    assert.equal((await get('/a/b?c')).body, 'page 1 /a/b?c\n')
    assert.equal((await get('/style.css')).body, 'a {}\n')
    const hidden = ['/.env', '/viaduct.json', '//viaduct.json', '/viaduct%2ejson', '/vendor/x.php']
    for (const target of [
      ...hidden,
      '/x/../.env',
      '/%2eenv',
      '/.viaduct-router.php',
      '/VENDOR/x',
    ]) {
      const { status, body } = await get(target)
      assert.equal(status, 404, `${target}: ${body}`)
    }

    const mix = { get: 2, new: 2, post: 2, slow: 0, sse: 0, ws: 0 }
    await using load = await startLoad({ url: platform.url('page'), rate: 50, mix })
    await until(() => (load.totals()?.requests ?? 0) > 50)
    await write('index.php', index(2))
    await platform.run('deploy', page)
    assert.equal((await get()).body, 'page 2 /\n')
    await platform.run('scale', 'web=2', '--app', 'page')
    await platform.run('rollback', '--app', 'page')
    assert.equal((await get()).body, 'page 1 /\n')
    assert.deepEqual((await load.stop()).failures, [])

    await rm(join(page, 'vendor'), { recursive: true })
    await write('composer.json', '{}')
    const { code, stderr } = await platform.cli(['deploy', page])
    assert.equal(code, 1)
    assert.match(stderr, /composer\.json is there, and no folder "vendor"/)
    assert.equal((await get()).body, 'page 1 /\n')
  },
)
