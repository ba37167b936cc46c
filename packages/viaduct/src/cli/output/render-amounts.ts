/** Durations, sizes, ages and shares as people read them. Pure. */

/** `0.4 ms`, `12 ms`, `1.24 s`, `2 min 5 s`. @param ms Milliseconds. */
export function renderDuration(ms: number): string {
  if (ms < 10) return `${Number(ms.toFixed(1))} ms`
  if (ms < 1_000) return `${Math.round(ms)} ms`
  if (ms < 10_000) return `${(ms / 1_000).toFixed(2)} s`
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  const seconds = Math.round(ms / 1_000)
  return `${Math.floor(seconds / 60)} min ${seconds % 60} s`
}

/** The largest unit that fits: `45 s`, `12 min`, `3 h`, `9 d`. @param ms Milliseconds. */
export function renderAge(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1_000))
  if (seconds < 90) return `${seconds} s`
  if (seconds < 90 * 60) return `${Math.floor(seconds / 60)} min`
  if (seconds < 48 * 3_600) return `${Math.floor(seconds / 3_600)} h`
  return `${Math.floor(seconds / 86_400)} d`
}

/** `512 B`, `2.1 kB`, `48 MB`, in powers of 1,000. */
export function renderBytes(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB']
  let value = bytes
  let unit = 0
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1_000
    unit++
  }
  const digits = unit === 0 || value >= 99.5 ? 0 : value >= 9.95 ? 0 : 1
  return `${value.toFixed(digits)} ${units[unit]}`
}

/** `12,345` */
export function renderCount(count: number): string {
  return count.toLocaleString('en-GB')
}

/** `0.3%`. @param percent 0 to 100 per core. */
export function renderPercent(percent: number): string {
  return `${percent.toFixed(percent >= 99.95 ? 0 : 1)}%`
}

/** `2026-11-21 06:14:01` in local time. @param at Unix milliseconds. */
export function renderTime(at: number): string {
  const date = new Date(at)
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
