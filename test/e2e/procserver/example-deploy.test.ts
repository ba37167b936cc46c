/** The seed's way of working, as a script with curl: delete, add, list, show, redeploy, delete. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { runCommand } from '../harness/run-command.ts'
import { startPlatform } from '../harness/start-platform.ts'
import { openGitApp } from './git-app.ts'

const script = `
set -eu
api() { curl --silent --show-error --fail-with-body -H "Authorization: Bearer $TOKEN" "$@"; echo; }
api -X DELETE "$API/applications/rubynas" || true
api -X POST -H "Content-Type: application/json" --data @- "$API/applications?wait=ready" <<END
{ "name": "rubynas", "repo": { "url": "$REPO", "branch": "main" }, "scale": { "web": 2 } }
END
api "$API/applications"
api "$API/applications/rubynas"
curl --silent --fail -H "Host: rubynas.localhost" "$HTTP/"
api -X POST "$API/applications/rubynas/redeploy?wait=ready"
api "$API/applications/rubynas/logs/stdout?lines=1"
api -X DELETE "$API/applications/rubynas"
api "$API/applications"
`

test("the seed's example script works with curl", async () => {
  await using platform = await startPlatform()
  await using repository = await openGitApp()
  const { code, stdout, stderr } = await runCommand(['sh', '-c', script], {
    env: {
      ...{ PATH: process.env['PATH'], TOKEN: platform.token, REPO: repository.url },
      ...{ API: platform.apiUrl, HTTP: `http://127.0.0.1:${platform.httpPort}` },
    },
  })
  assert.equal(code, 0, stdout + stderr)
  const lines = stdout.split('\n').filter((line) => line !== '')
  assert.match(lines[0] ?? '', /app-not-found/)
  const made = JSON.parse(lines[1] ?? '') as { deploy: { state: string } }
  assert.equal(made.deploy.state, 'succeeded')
  assert.ok(lines.includes('good 1'), stdout)
  assert.equal(lines.at(-1), '[]')
})
