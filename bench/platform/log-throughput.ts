/**
 * How fast the log path is, and whether it makes the app wait. Flat out: an app writes lines as
 * fast as it can. Paced: it writes 50 MB/s in bursts, and the longest single write is compared with
 * that of the same writer into `cat > FILE`, in turns, since on two cores any reader waits now and
 * then for a processor.
 *
 * Run: npm run proof -- log-throughput [--megabytes 400] [--rounds 7]. Goals: at least 50 MB/s;
 * paced, the median over the rounds of the longest write is at most 20 ms.
 */
import { catArm, keeperArm } from '../scenarios/log-arms.ts'
import { numberOption, quantile, report } from '../scenarios/report.ts'

const goalMbPerSecond = 50
/** A person sees no stall below this, and a timer of an app that logs is late anyway. */
const stallMs = 20
/** Long enough for twenty rotations. */
const pacedMegabytes = 200

const rounds = numberOption('rounds', 7)
const megabytes = numberOption('megabytes', 400)

const flat = await keeperArm({ megabytes, perSecond: 0 })
const paced = { megabytes: pacedMegabytes, perSecond: goalMbPerSecond }
const keeper: number[] = []
const cat: number[] = []
let slowest = Infinity
for (let round = 0; round < rounds; round++) {
  const { bytes, seconds, longestMs } = await keeperArm(paced)
  keeper.push(longestMs)
  slowest = Math.min(slowest, bytes / 1e6 / seconds)
  cat.push((await catArm(paced)).longestMs)
}
const [keeperMs, catMs] = [quantile(keeper, 0.5), quantile(cat, 0.5)]
const ms = { unit: 'ms' }
report('log-throughput', [
  { name: 'flat out: from the app', value: flat.bytes / 1e6, unit: 'MB' },
  { name: 'flat out: to the disk, with stamps', value: flat.bytesOnDisk / 1e6, unit: 'MB' },
  {
    name: "flat out: the app's MB/s until all is on the disk",
    value: flat.bytes / 1e6 / flat.totalSeconds,
    unit: 'MB/s',
    least: goalMbPerSecond,
  },
  { name: 'flat out: incomplete logs', value: flat.complete ? 0 : 1, unit: '', limit: 0 },
  { name: "flat out: keeper's CPU", value: flat.cpuSeconds, unit: 's' },
  { name: 'flat out: longest write', value: flat.longestMs, ...ms },
  // The first burst is sent at once: N bursts take N - 1 waits.
  { name: 'paced: slowest round', value: slowest, unit: 'MB/s', least: goalMbPerSecond * 0.98 },
  { name: 'paced: longest write, median of rounds', value: keeperMs, ...ms, limit: stallMs },
  { name: 'paced: longest write of all', value: quantile(keeper, 1), ...ms },
  { name: 'paced into cat: longest write, median of rounds', value: catMs, ...ms },
  { name: 'paced into cat: longest write of all', value: quantile(cat, 1), ...ms },
  { name: 'paced: median with keeper ÷ with cat', value: keeperMs / catMs, unit: '×' },
])
