/** The text format of Prometheus, version 0.0.4: families of samples with labels. Pure. */

export const metricsType = 'text/plain; version=0.0.4; charset=utf-8'

export interface Family {
  /** With the unit, and `_total` for a counter. */
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
}

export interface Sample {
  readonly labels: Readonly<Record<string, string | number>>
  readonly value: number
  /** After the family's name; of histograms only. */
  readonly suffix?: '_bucket' | '_sum' | '_count'
}

/** @returns Lines; none for a family without samples. */
export function renderFamily({ name, type, help }: Family, samples: readonly Sample[]): string {
  if (samples.length === 0) return ''
  const lines = samples.map(({ labels, value, suffix = '' }) => {
    return `${name}${suffix}${renderLabels(labels)} ${renderValue(value)}\n`
  })
  return `# HELP ${name} ${escapeHelp(help)}\n# TYPE ${name} ${type}\n${lines.join('')}`
}

/**
 * The samples of one histogram.
 *
 * @param counts Per bucket, without those below; the last one is what is above all limits.
 */
export function histogramSamples(
  labels: Sample['labels'],
  { limits, counts, sum }: { limits: readonly number[]; counts: readonly number[]; sum: number },
): Sample[] {
  let total = 0
  const buckets = counts.map((count, index): Sample => {
    total += count
    const le = renderValue(limits[index] ?? Infinity)
    return { labels: { ...labels, le }, value: total, suffix: '_bucket' }
  })
  return [
    ...buckets,
    { labels, value: sum, suffix: '_sum' },
    { labels, value: total, suffix: '_count' },
  ]
}

function renderLabels(labels: Sample['labels']): string {
  const pairs = Object.entries(labels).map(
    ([name, value]) => `${name}="${escapeLabel(`${value}`)}"`,
  )
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function renderValue(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}

function escapeLabel(text: string): string {
  return escapeHelp(text).replaceAll('"', '\\"')
}

function escapeHelp(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
