/** Four workers that share port 2099: `node single-app-cluster.js`. */
'use strict'

const path = require('node:path')
const { MasterFactory } = require('@viaduct/supervise')
const { runMasters } = require('./run-masters.js')

const master = MasterFactory.create({
  script: path.join(__dirname, 'app.js'),
  count: 4,
  env: { PORT: 2099, RESPONSE: 'single-app-cluster' },
})

runMasters({ app: master }).catch(console.error)
