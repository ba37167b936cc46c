/** Apps that run as a user of the machine; under root alone. */
import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { parseAppName } from '../../model/ids.ts'
import { server, TestEngine } from '../fixtures/test-engine.ts'
import { resolveAccount } from './resolve-account.ts'

const isRoot = process.getuid?.() === 0
const skip = isRoot ? false : 'only root runs apps as users of their own'
const limit = { timeout: 60_000, skip }
const asked = { user: 'games' }
const name = parseAppName('seed')

let engine: TestEngine
before(async () => {
  if (isRoot) engine = await TestEngine.start({ allowedUsers: 'daemon,games,root' })
})
after(() => engine?.[Symbol.asyncDispose]())

/** Says who it is, and tries to write into its release, its data and its own file. */
const code = server(`const fs = require('fs')
const may = (path) => { try { fs.writeFileSync(path, 'x'); return 'writes' } catch (e) { return e.code } }
process.env.WORD = [process.getuid(), process.getgid(), process.getgroups().join(), may('./new.txt'),
  may(__filename), fs.readFileSync('built.txt', 'utf8').trim().replace('\\n', ':'), may(process.env.DATA_DIR + '/a')].join(' ')
`)

test(
  'A2.8 an app runs as the user that was allowed, and cannot write into its release',
  limit,
  async () => {
    const { uid, account } = (await resolveAccount(asked, { allowedUsers: 'games' })) ?? {}
    assert.ok(uid && account)
    await engine.engine.create(name, { manifest: asked })
    const install = ['id -u > built.txt && id -g >> built.txt']
    const manifest = JSON.stringify({ ...asked, install })
    const files = { 'app.cjs': code, Procfile: 'web: node app.cjs', 'viaduct.json': manifest }
    const upload = await engine.upload(files)
    const deploy = await engine.end(engine.engine.deploy(name, upload, { commit: null }), name)
    assert.equal(deploy.state, 'succeeded', JSON.stringify(deploy.error))
    const route = engine.listener.table?.apps.find((one) => one.app === name)
    const answer = await (await fetch(`http://127.0.0.1:${route?.upstreams[0]?.port}/`)).text()
    const { gid } = account
    assert.notEqual(uid, gid)
    assert.equal(answer, `v1 ${uid} ${gid} ${gid} EACCES EACCES ${uid}:${gid} writes`)
    await engine.engine.destroy(name)
  },
)

test('an app keeps the user that it was made with', limit, async () => {
  const other = parseAppName('other')
  await engine.engine.create(other, { manifest: asked })
  await engine.engine.setManifest(other, { ...asked, install: [] })
  await assert.rejects(engine.engine.setManifest(other, { user: 'daemon' }), {
    ...{ code: 'bad-manifest', data: { field: 'user' } },
    message: '"user": "daemon" comes too late: other keeps the user it has',
  })
})

test('who is not allowed, unknown or root is refused, by field', limit, async () => {
  const cases = [
    [{ user: 'www-data' }, 'user', /not among the users that this server allows/],
    [{ user: 'games', group: 'no-such-group' }, 'group', /is no group of this server/],
    [{ user: 'games', group: 'adm' }, 'group', /is no group of games/],
    [{ user: 'root' }, 'user', /is root: nothing runs as root/],
    [{ group: 'adm' }, 'group', /goes with "user" only/],
  ] as const
  for (const [manifest, field, message] of cases) {
    const made = engine.engine.create(parseAppName('refused'), { manifest })
    await assert.rejects(made, { code: 'bad-manifest', message, data: { field } })
  }
  await assert.rejects(resolveAccount({ user: 'nope' }, { allowedUsers: 'nope' }), {
    message: '"user": "nope" is no user of this server',
  })
  assert.ok(!(await engine.engine.apps()).some(({ app }) => app.name === 'refused'))
})

test('a platform that is not root lets nobody choose', async () => {
  const options = { allowedUsers: 'games', isRoot: false }
  await assert.rejects(resolveAccount(asked, options), {
    message: /needs a platform that is root$/,
  })
})

test('apps that are made at the same time have users of their own', limit, async () => {
  const names = ['one', 'two', 'three'].map(parseAppName)
  const made = names.map((one) => engine.engine.create(one, { manifest: {} }))
  const uids = (await Promise.all(made)).map(({ app }) => app.app.uid)
  assert.equal(new Set(uids).size, 3, String(uids))
})
