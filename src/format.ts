// Numbers as people read them: durations, bytes, counts.

/** Returns a duration in seconds for people: 72.4 -> 1m12s. */
export function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds))
  const hours = Math.floor(whole / 3600)
  const minutes = Math.floor((whole % 3600) / 60)
  const rest = String(whole % 60).padStart(2, '0')
  if (hours > 0) return `${hours}h${String(minutes).padStart(2, '0')}m`
  return minutes > 0 ? `${minutes}m${rest}s` : `${whole}s`
}

/** Returns a number of bytes for people: 14200000 -> 14.2 MB. */
export function bytes(count: number): string {
  return scaled(count, ['bytes', 'kB', 'MB', 'GB', 'TB'], ' ')
}

/** Returns a quantity for people: 61234 -> 61.2k. */
export function quantity(count: number): string {
  return scaled(count, ['', 'k', 'M', 'G', 'T'], '')
}

function scaled(count: number, units: readonly string[], space: string): string {
  let value = count
  let unit = 0
  for (; value >= 999.95 && unit < units.length - 1; unit++) value /= 1000
  const digits = unit === 0 ? String(Math.round(value)) : value.toFixed(value < 99.95 ? 1 : 0)
  return `${digits}${space}${units[unit]!}`.trim()
}

/** Returns a count for people: 1003854 -> 1,003,854. */
export function grouped(count: number): string {
  return count.toLocaleString('en-US')
}

/** Returns a loss with as many digits as matter. */
export function nats(loss: number): string {
  return loss.toFixed(4)
}

/** Returns a share for people: 0.0312 -> 3.12 %. */
export function percent(share: number): string {
  return `${(100 * share).toFixed(2)} %`
}

/** Returns a share for people: 0.8812 -> 88 %. */
export function wholePercent(share: number): string {
  return `${Math.round(100 * share)} %`
}

/** Returns a word of a command line as a POSIX shell takes it: in single quotes if it has to be. */
export function shellWord(word: string): string {
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`
}
