/**
 * What the main contexts of the examples have in common: restart what ends by accident, show the
 * statuses every two seconds, and shut down on Ctrl+C.
 */
'use strict'

const { ExitReasons, WorkerStatuses } = require('@viaduct/supervise')

const names = Object.fromEntries(Object.entries(WorkerStatuses).map(([name, id]) => [id, name]))

/**
 * Starts the masters.
 *
 * @param masters By the name that is shown.
 */
exports.runMasters = async (masters) => {
  const all = Object.values(masters)

  const quit = async (code, signal, force = false) => {
    try {
      // In an emergency the workers are killed; else they finish what they have.
      await Promise.all(
        all.map((master) => (force ? master.hardShutdown() : master.gracefulShutdown())),
      )
    } catch (error) {
      console.error(error)
    }
    setTimeout(() => process.exit(0), 0)
  }

  for (const master of all) {
    master.on('worker-exit', async (reason, workerId) => {
      if (reason instanceof ExitReasons.NormalExit) await quit(reason.payload.code, null, true)
      else await master.restartWorkerById(workerId)
    })
  }
  process.on('SIGINT', quit)

  await Promise.all(all.map((master) => master.start()))
  // Here every worker has started: its connections are open, its server listens.

  setInterval(() => {
    for (const [name, master] of Object.entries(masters)) {
      master.getWorkersStatuses().forEach((status, index) => {
        console.log(`[${name}-${index}]: ${names[status]}`)
      })
    }
    console.log('---')
  }, 2000)
}
