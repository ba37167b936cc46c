/** Two apps that swap their number of workers after five seconds: `node runtime-scaling.js`. */
'use strict'

const path = require('node:path')
const { MasterFactory } = require('@viaduct/supervise')
const { runMasters } = require('./run-masters.js')

const create = (port, count) => {
  return MasterFactory.create({
    script: path.join(__dirname, 'app.js'),
    count,
    env: { PORT: port, RESPONSE: 'runtime-scaling' },
  })
}

const foo = create(2104, 4)
const bar = create(2105, 2)

const run = async () => {
  await runMasters({ foo, bar })
  setTimeout(async () => {
    await Promise.all([foo.rescale(2), bar.rescale(4)])
  }, 5000)
}

run().catch(console.error)
