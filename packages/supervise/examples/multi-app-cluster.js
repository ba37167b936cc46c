/** Three apps with a master each, on ports 2100 to 2102: `node multi-app-cluster.js`. */
'use strict'

const path = require('node:path')
const { MasterFactory } = require('@viaduct/supervise')
const { runMasters } = require('./run-masters.js')

const create = (port, count) => {
  return MasterFactory.create({
    script: path.join(__dirname, 'app.js'),
    count,
    env: { PORT: port, RESPONSE: 'multi-app-cluster' },
  })
}

runMasters({ foo: create(2100, 2), bar: create(2101, 2), baz: create(2102, 4) }).catch(
  console.error,
)
