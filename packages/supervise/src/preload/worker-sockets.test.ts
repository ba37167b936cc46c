import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, get } from 'node:https'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { WorkerStatusError } from '../errors/supervise-error.ts'
import { ask } from '../fixtures/load.ts'
import { withTemporaryFolder } from '../fixtures/temporary-folder.ts'
import { TestMaster, until } from '../fixtures/test-master.ts'

type Facts = Readonly<Record<string, unknown>>

for (const schedulingPolicy of ['none', 'rr'] as const) {
  const open = async (MODE: string, count: number, env: Record<string, string> = {}) => {
    const options = { schedulingPolicy, count, env: { MODE, ...env } }
    const opened = await TestMaster.open('listens.cjs', options)
    const facts: Facts[] = []
    opened.master.on('worker-message', (message) => facts.push(message as Facts))
    return { opened, facts }
  }

  test(`${schedulingPolicy}: port 0 is the same port in every worker`, async () => {
    const { opened, facts } = await open('any-port', 3)
    await using _ = opened
    await opened.master.start()
    const [first] = facts
    assert.deepEqual(facts, [first, first, first])
    const [one, two] = (first as { ports: number[] }).ports
    assert.notEqual(one, two)
    for (const port of [one, two]) {
      assert.ok(opened.pids.includes(Number(await ask(port ?? 0))))
    }
  })

  test(`${schedulingPolicy}: a port in use is an error event, as ever`, async () => {
    const { opened, facts } = await open('in-use', 1)
    await using _ = opened
    const other = createServer().listen(opened.port, '127.0.0.1')
    await once(other, 'listening')
    await opened.master.start()
    other.close()
    assert.deepEqual(facts, [{ code: 'EADDRINUSE', syscall: 'listen', port: opened.port }])
  })

  test(`${schedulingPolicy}: a server may close, and listen again`, async () => {
    const { opened, facts } = await open('again', 2)
    await using _ = opened
    await opened.master.start()
    const fact = { listening: true, port: opened.port }
    assert.deepEqual(facts, [fact, fact])
    assert.ok(opened.pids.includes(Number(await ask(opened.port))))
  })

  test(`${schedulingPolicy}: a server may close before it listens`, async () => {
    const { opened, facts } = await open('closed-early', 1)
    await using _ = opened
    await opened.master.start()
    assert.deepEqual(facts, [{ events: [], listening: false }])
  })

  test(`${schedulingPolicy}: what cannot be shared is left to Node.js`, async () => {
    const { opened: exclusive, facts } = await open('exclusive', 1)
    await using _ = exclusive
    await exclusive.master.start()
    assert.deepEqual(facts, [{ port: exclusive.port }])
    assert.deepEqual(exclusive.pids.map(String), [await ask(exclusive.port)])
    const { opened: second } = await open('exclusive', 2)
    await assert.rejects(second.master.start(), WorkerStatusError, 'nobody shares it')
    const { opened: refused, facts: told } = await open('refused', 1)
    await using _other = refused
    await refused.master.start()
    assert.deepEqual(told, [{ thrown: 'ERR_SOCKET_BAD_PORT' }])
  })

  test(`${schedulingPolicy}: plain servers get their connections, half-open ones too`, async () => {
    const { opened } = await open('echo', 2)
    await using _ = opened
    await opened.master.start()
    const socket = connect(opened.port, '127.0.0.1').setEncoding('utf8')
    let text = ''
    socket.on('data', (chunk: string) => (text += chunk))
    socket.end('hello')
    await once(socket, 'close')
    assert.equal(text, 'hello')
  })

  test(`${schedulingPolicy}: TLS works, and survives a reload`, async (t) => {
    await withTemporaryFolder(async (folder) => {
      const files = ['-keyout', `${folder}/key`, '-out', `${folder}/cert`, '-nodes']
      const words = ['req', '-x509', '-newkey', 'rsa:2048', '-subj', '/CN=localhost', ...files]
      if (spawnSync('openssl', words).status !== 0) return t.skip('openssl is not there')
      const read = (name: string): string => readFileSync(`${folder}/${name}`, 'utf8')
      const { opened } = await open('tls', 2, { KEY: read('key'), CERT: read('cert') })
      await using _ = opened
      await opened.master.start()
      const agent = new Agent({ keepAlive: true, rejectUnauthorized: false })
      const askTls = async (): Promise<string> => {
        const request = get({ host: '127.0.0.1', port: opened.port, agent })
        const [response] = (await once(request, 'response')) as [NodeJS.ReadableStream]
        let text = ''
        for await (const chunk of response) text += String(chunk)
        return text
      }
      assert.ok(opened.pids.includes(Number(await askTls())))
      const outcomes = await opened.master.gracefulReload()
      assert.deepEqual(
        outcomes.map(({ how }) => how),
        ['exited', 'exited'],
      )
      await until('the idle connection is seen to be closed', () => {
        return Object.keys(agent.freeSockets).length === 0
      })
      assert.ok(opened.pids.includes(Number(await askTls())))
      agent.destroy()
    })
  })
}
