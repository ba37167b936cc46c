/**
 * Does the proxy stand what no program sends? A million damaged messages against parser and framing
 * in this process, and 50,000 over real sockets to a worker.
 * `npm run proof -- fuzz [--messages 1000000] [--requests 50000] [--seed N] [--json]`
 */
import { proxyNodeFlags } from '../../packages/viaduct/src/keeper/platform.ts'
import { fuzzParser } from './fuzz/fuzz-parser.ts'
import { fuzzSockets } from './fuzz/fuzz-sockets.ts'
import { numberOption, report } from '../scenarios/report.ts'

const megabyte = 1_000_000
const seed = numberOption('seed', Date.now() % 2 ** 31)
const messages = numberOption('messages', 1_000_000)
const requests = numberOption('requests', 50_000)

process.stderr.write(`seed ${seed}\n`)
const parser = await fuzzParser({ seed, count: messages })
const sockets = await fuzzSockets({ seed, count: requests, nodeFlags: proxyNodeFlags })
for (const complaint of sockets.complaints) process.stderr.write(`${complaint}\n`)
report('fuzz', [
  { name: 'seed', value: seed, unit: '' },
  { name: 'messages in process', value: messages, unit: '', least: 1 },
  { name: '  passed on, read again as the same', value: parser.passed, unit: '', least: 1 },
  { name: '  refused', value: parser.refused, unit: '', least: 1 },
  { name: '  the slowest', value: parser.slowestMs, unit: 'ms', limit: 1_000 },
  { name: '  memory grown', value: parser.grownBytes / megabyte, unit: 'MB', limit: 8 },
  { name: 'requests over sockets', value: requests, unit: '', least: 1 },
  { name: '  neither answered nor closed', value: sockets.stuck, unit: '', limit: 0 },
  { name: '  other clients misled', value: sockets.misled, unit: '', limit: 0 },
  { name: '  ambiguous at the instance', value: sockets.complaints.length, unit: '', limit: 0 },
  { name: '  memory grown', value: sockets.grownBytes / megabyte, unit: 'MB', limit: 32 },
  { name: '  descriptors left', value: sockets.descriptorsLeft, unit: '', limit: 0 },
])
