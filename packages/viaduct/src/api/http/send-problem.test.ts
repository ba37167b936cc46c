import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { fastify } from 'fastify'
import { type Log, silentLog } from '../../model/log.ts'
import { sendProblem } from './send-problem.ts'

const logged: { event: string; fields: unknown }[] = []
const log: Log = { ...silentLog, error: (event, fields) => logged.push({ event, fields }) }
const server = fastify({ bodyLimit: 10 })
server.setErrorHandler(async (error, request, reply) => sendProblem(log, error, { request, reply }))
server.get('/bug', async () => {
  throw new TypeError('cannot read /secret/path')
})
server.get('/syntax', async () => JSON.parse('{'))
server.post('/', async () => null)
after(() => server.close())

test('a bug is logged with its stack, and its text stays inside', async () => {
  const { statusCode, body } = await server.inject('/bug')
  assert.equal(statusCode, 500)
  assert.equal(JSON.parse(body).code, 'internal')
  assert.ok(!body.includes('secret'))
  assert.equal(logged.length, 1)
  assert.equal(logged[0]!.event, 'api.failed')
  assert.match(JSON.stringify(logged[0]!.fields), /\/bug.*TypeError: cannot read \/secret\/path/)
})

test('a SyntaxError of ours is a bug, too', async () => {
  assert.equal((await server.inject('/syntax')).json().code, 'internal')
})

test('a body that is too large or not JSON is the client’s fault, and not logged', async () => {
  const before = logged.length
  const post = (payload: string) =>
    server.inject({
      method: 'POST',
      url: '/',
      payload,
      headers: { 'content-type': 'application/json' },
    })
  assert.equal((await post('x'.repeat(11))).json().code, 'upload-too-large')
  assert.equal((await post('{')).json().code, 'bad-json')
  assert.equal(logged.length, before)
})
