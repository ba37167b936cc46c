/** One worker, with reloads that lose nothing: `node simple-app.js`, then open port 2103. */
'use strict'

const path = require('node:path')
const { MasterFactory } = require('@viaduct/supervise')
const { runMasters } = require('./run-masters.js')

const master = MasterFactory.create({
  script: path.join(__dirname, 'app.js'),
  count: 1,
  env: { PORT: 2103, RESPONSE: 'simple-app' },
})

runMasters({ app: master }).catch(console.error)
