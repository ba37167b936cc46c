/**
 * Where the preload is, and the variable that tells it what it is for. CommonJS, because that is
 * the one way to know a file's own place in both builds of this package.
 */
'use strict'

exports.preloadPath = require.resolve('./preload.cjs')
exports.workerVariable = 'SUPERVISE_WORKER'
