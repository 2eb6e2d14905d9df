// A CSV file of one series, or a matrix of years and months, in the form that several series share: series, time, value.

/** Returns the text of the rows `name, time, value`, with a header. `wide`: the rows are years, the columns months. */
export function longSeries(text, { name, wide = false }) {
  const [, ...lines] = text.split(/\r?\n/).filter((line) => line.trim() !== '')
  const rows = lines.map((line) => line.split(',').map((cell) => cell.replaceAll('"', '')))
  const two = (month) => String(month).padStart(2, '0')
  const long = wide
    ? rows.flatMap(([year, ...values]) => values.map((value, i) => [`${year}-${two(i + 1)}`, value]))
    : rows
  return ['series,time,value', ...long.map(([time, value = '']) => `${name},${time},${value}`), ''].join('\n')
}
