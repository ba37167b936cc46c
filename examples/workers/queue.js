/**
 * A queue of files in DATA_DIR, safe between processes because a rename happens once.
 *
 *   new/ID   waiting      taken/ID   a worker has it      done/ID   finished
 */
import { mkdirSync } from 'node:fs'
import { readdir, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const root = join(process.env.DATA_DIR ?? '.', 'jobs')
for (const state of ['new', 'taken', 'done']) mkdirSync(join(root, state), { recursive: true })

export async function addJob(body) {
  const id = `${Date.now()}-${crypto.randomUUID().slice(0, 8)}`
  await writeFile(join(root, id), body)
  await rename(join(root, id), join(root, 'new', id))
  return id
}

/** The oldest job that no other worker took first, or null. */
export async function takeJob() {
  for (const id of (await readdir(join(root, 'new'))).sort()) {
    try {
      await rename(join(root, 'new', id), join(root, 'taken', id))
      return id
    } catch {
      // Another worker was faster; the next one may be free.
    }
  }
  return null
}

export async function finishJob(id) {
  await rename(join(root, 'taken', id), join(root, 'done', id))
}

/** A worker that is told to leave gives back what it had begun. */
export async function returnJob(id) {
  await rename(join(root, 'taken', id), join(root, 'new', id))
}

export async function countJobs() {
  const counts = {}
  for (const state of ['new', 'taken', 'done']) {
    counts[state] = (await readdir(join(root, state))).length
  }
  return counts
}
