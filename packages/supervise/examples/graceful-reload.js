/** Two apps that are reloaded after five seconds; nobody notices: `node graceful-reload.js`. */
'use strict'

const path = require('node:path')
const { MasterFactory } = require('@viaduct/supervise')
const { runMasters } = require('./run-masters.js')

const create = (port, count) => {
  return MasterFactory.create({
    script: path.join(__dirname, 'app.js'),
    count,
    env: { PORT: port, RESPONSE: 'graceful-reload' },
  })
}

const foo = create(2106, 1)
const bar = create(2107, 4)

const run = async () => {
  await runMasters({ foo, bar })
  setTimeout(async () => {
    await Promise.all([foo.gracefulReload(), bar.gracefulReload()])
  }, 5000)
}

run().catch(console.error)
