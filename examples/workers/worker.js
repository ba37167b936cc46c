/**
 * Does one job after the other. It has no port: it is ready when it has stayed alive.
 * On SIGTERM it gives back the job it had begun, so that nothing is done halfway.
 */
import { setTimeout as wait } from 'node:timers/promises'
import { finishJob, returnJob, takeJob } from './queue.js'

const leaving = new AbortController()
process.on('SIGTERM', () => leaving.abort())
const name = process.env.PROCESS_ID ?? 'worker.1'

while (!leaving.signal.aborted) {
  const id = await takeJob()
  if (id === null) {
    await pause(200)
    continue
  }
  await pause(500) // The work.
  if (leaving.signal.aborted) await returnJob(id)
  else await finishJob(id)
  console.log(`${name} ${leaving.signal.aborted ? 'gave back' : 'finished'} ${id}`)
}

async function pause(ms) {
  await wait(ms, undefined, { signal: leaving.signal }).catch(() => {
    // Told to leave; the loop sees it.
  })
}
