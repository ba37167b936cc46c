/**
 * Takes jobs (`POST /jobs`) and counts them (`GET /`). The work itself is done by `worker.js`.
 */
import { createServer } from 'node:http'
import { addJob, countJobs } from './queue.js'

const { PORT = '3000', HOST = '127.0.0.1', RELEASE = 'none' } = process.env

const server = createServer(async (request, response) => {
  if (request.method === 'POST' && request.url === '/jobs') {
    const id = await addJob(await request.toArray().then(Buffer.concat))
    response.writeHead(202, { 'content-type': 'application/json' })
    return response.end(`${JSON.stringify({ id })}\n`)
  }
  response.setHeader('content-type', 'application/json')
  response.end(`${JSON.stringify({ release: RELEASE, jobs: await countJobs() })}\n`)
})

server.listen(Number(PORT), HOST)
process.on('SIGTERM', () => {
  server.close(() => process.exit(0))
  server.closeIdleConnections()
})
