/**
 * A strict reader of Prometheus' text format 0.0.4, for tests: what a lenient one would take and
 * Prometheus would not, or would take for something else, is an error here.
 */
import assert from 'node:assert/strict'

export interface ParsedFamily {
  readonly type: string
  readonly help: string
  /** By name and labels, as written. */
  readonly samples: Map<string, number>
}

const labelPair = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\[\\"n])*)"(,|$)/

/** @throws {assert.AssertionError} The line, and what is wrong with it. */
export function parseMetrics(text: string): Map<string, ParsedFamily> {
  assert.ok(text.endsWith('\n'), 'The last line has no end')
  const families = new Map<string, ParsedFamily>()
  let name = ''
  let help: string | null = null
  for (const line of text.slice(0, -1).split('\n')) {
    const [, keyword, family = '', rest = ''] = /^# (HELP|TYPE) ([^ ]+) (.+)$/.exec(line) ?? []
    if (keyword === 'HELP') {
      assert.match(family, /^[a-z][a-z0-9_]*$/, line)
      assert.match(rest, /^(?:[^\\]|\\[\\n])*$/, line)
      assert.ok(!families.has(family) && help === null, `A second time: ${line}`)
      ;[name, help] = [family, rest]
    } else if (keyword === 'TYPE') {
      assert.ok(family === name && help !== null, `Without its HELP: ${line}`)
      assert.match(rest, /^(counter|gauge|histogram)$/, line)
      assert.equal(rest === 'counter', family.endsWith('_total'), `Only counters: ${line}`)
      families.set(name, { type: rest, help, samples: new Map() })
      help = null
    } else addSample(families.get(name), name, line)
  }
  assert.equal(help, null, `${name} has no TYPE`)
  for (const [family, parsed] of families) checkFamily(family, parsed)
  return families
}

function addSample(family: ParsedFamily | undefined, name: string, line: string): void {
  const [, full = '', labels = '', value = ''] =
    /^([a-z0-9_]+)(?:\{(.+)\})? (\S+)$/.exec(line) ?? []
  const suffixes = family?.type === 'histogram' ? ['_bucket', '_sum', '_count'] : ['']
  assert.ok(family && suffixes.some((suffix) => full === name + suffix), `Out of place: ${line}`)
  const names = new Set<string>()
  for (let rest = labels; rest !== '';) {
    const [pair = '', label = ''] = labelPair.exec(rest) ?? []
    assert.ok(pair !== '' && !label.startsWith('__') && !names.has(label), `Bad label: ${line}`)
    names.add(label)
    rest = rest.slice(pair.length)
    assert.equal(rest === '', !pair.endsWith(','), `A comma too many: ${line}`)
  }
  assert.match(value, /^(-?\d+(\.\d+)?(e[+-]?\d+)?|[+-]Inf|NaN)$/, line)
  const series = labels === '' ? full : `${full}{${labels}}`
  assert.ok(!family.samples.has(series), `A second time: ${line}`)
  family.samples.set(series, Number(value.replace('Inf', 'Infinity')))
}

function checkFamily(name: string, { type, samples }: ParsedFamily): void {
  assert.ok(samples.size > 0, `${name} has no samples`)
  for (const [series, value] of samples) {
    if (type === 'counter') assert.ok(value >= 0, series)
  }
  if (type === 'histogram') checkHistogram(name, samples)
}

/** Buckets rise, in limit and count, to `+Inf`, which is the count. */
function checkHistogram(name: string, samples: ReadonlyMap<string, number>): void {
  const buckets = new Map<string, [limit: number, count: number][]>()
  for (const [series, value] of samples) {
    const [, labels = '', le = ''] = /_bucket\{(.*),le="([^"]+)"\}$/.exec(series) ?? []
    if (le === '') continue
    const limit = Number(le.replace('Inf', 'Infinity'))
    buckets.set(labels, [...(buckets.get(labels) ?? []), [limit, value]])
  }
  assert.ok(buckets.size > 0, `${name} has no buckets`)
  for (const [labels, rows] of buckets) {
    for (const [index, [limit, count]] of rows.entries()) {
      const [limitBefore, countBefore] = rows[index - 1] ?? [-Infinity, 0]
      assert.ok(limit > limitBefore && count >= countBefore, `${name}{${labels}} does not rise`)
    }
    assert.equal(rows.at(-1)?.[0], Infinity, `${name}{${labels}} has no +Inf`)
    assert.equal(samples.get(`${name}_count{${labels}}`), rows.at(-1)?.[1], `${name}{${labels}}`)
    assert.ok(samples.has(`${name}_sum{${labels}}`), `${name}{${labels}} has no sum`)
  }
}
