// Writers of random ink in every format that is read, for tests that read it back. No test by itself.

/** Strokes of whole numbers [x, y, t], y up. */
export type Drawn = [number, number, number][][]

export interface Sample {
  text: string
  strokes: Drawn
}

/** Draws whole numbers from 0 up to, not including, n. */
export type Below = (n: number) => number

const json = (samples: Sample[], value: (sample: Sample) => object, below: Below) => {
  const values = samples.map(value)
  const spaces = below(3)
  if (below(2)) return JSON.stringify(values, null, spaces)
  return values.map((one) => `${JSON.stringify(one)}${'\n'.repeat(1 + below(2))}`).join('')
}

function strokeJson(samples: Sample[], below: Below): string {
  const write = ({ text, strokes }: Sample) => ({
    [below(2) ? 'text' : 'label']: text,
    strokes: strokes.map((stroke) => {
      const points = stroke.map(([x, y, t]) => (below(2) ? [x, y, t] : { t, y, x, pressure: 1 }))
      return below(2) ? points : { points }
    })
  })
  return json(samples, write, below)
}

function quickDraw(samples: Sample[], below: Below): string {
  const write = ({ text, strokes }: Sample) => ({
    word: text,
    recognized: true,
    drawing: strokes.map((stroke) => [stroke.map(([x]) => x), stroke.map(([, y]) => -y), stroke.map(([, , t]) => t)])
  })
  return samples.map((sample) => `${JSON.stringify(write(sample), null, below(2))}\n`).join('')
}

function offsets(samples: Sample[], row: (dx: number, dy: number, last: boolean) => number[], end: number[][]): string {
  const write = ({ strokes }: Sample) => {
    let [x0, y0] = [0, 0]
    const rows = strokes.flatMap((stroke) =>
      stroke.map(([x, y], i) => {
        const made = row(x - x0, y0 - y, i === stroke.length - 1)
        ;[x0, y0] = [x, y]
        return made
      })
    )
    return [...rows, ...end]
  }
  return samples.map((sample) => `${JSON.stringify(write(sample))}\n`).join('')
}

/** A set, or a file of one set, for all samples; pen-up streams between strokes; points over lines as it pleases. */
function unipen(samples: Sample[], below: Below): string {
  const lines = ['.VERSION 1.0', '.DATA_SOURCE test', '.COORD X Y Z T', '.HIERARCHY PAGE WORD LETTER']
  const sets = below(2) === 1
  let component = 0
  for (const { text, strokes } of samples) {
    if (sets) lines.push(`.START_SET s${lines.length}`)
    if (sets) component = 0
    const body: string[] = []
    const places: string[] = []
    let at = component
    for (const stroke of strokes) {
      if (below(3) === 0) {
        body.push('.PEN_UP', '0 0 9 0')
        at++
      }
      const points = stroke.map(([x, y, t]) => `${x} ${y} 7 ${t}`)
      // Sometimes the component is longer than the stroke, and the segment cuts points out of it.
      const cuts = below(2) === 1
      if (cuts) points.push('5 5 5 1e9')
      body.push(`.PEN_DOWN${below(2) ? '\n' : ' '}${points.join(below(2) ? '\n' : '  ')}`)
      if (below(4) === 0) body.push('.DT 20')
      body.push(below(2) ? '.PEN_UP' : '.COMMENT "x')
      places.push(cuts ? `${at}:0-${at}:${stroke.length - 1}` : below(2) ? `${at}` : `${at}-${at}`)
      at++
    }
    component = at
    const label = `"${text.replace(/[\\"]/g, '\\$&')}"`
    const segment = `.SEGMENT ${below(2) ? 'WORD' : 'word'} ${places.join(',')} OK${below(2) ? '\n ' : ' '}${label}`
    const letter = `.SEGMENT LETTER ${places[0]} ? "-"`
    const order = below(2) ? [letter, segment] : [segment, letter]
    lines.push(...(below(2) ? [...order, ...body] : [...body, ...order]))
  }
  return `${lines.join(below(2) ? '\n' : '\r\n')}\n`
}

const escapeXml = (text: string) => text.replace(/[&<"']/g, (c) => `&#${c.charCodeAt(0)};`)

/** Groups whose traces are in place, in definitions, in parts or continued, in one of three formats. */
function inkml(samples: Sample[], below: Below): string {
  const formats = ['XYT', 'FTXY', 'TYX'].map((channels, i) => {
    const list = [...channels].map((name) => `<channel name="${name}"/>`).join('')
    return { channels, id: `c${i}`, xml: `<context xml:id="c${i}"><traceFormat>${list}</traceFormat></context>` }
  })
  const definitions = formats.map(({ xml }) => xml)
  let ids = 0
  const values = ([x, y, t]: number[], channels: string, before?: number[]) => {
    const point: Record<string, number> = { X: x!, Y: -y!, T: t!, F: 3 }
    const last: Record<string, number> = before ? { X: before[0]!, Y: -before[1]!, T: before[2]!, F: 3 } : {}
    return [...channels].map((name) => (before ? `'${point[name]! - last[name]!}` : `${point[name]!}`)).join(' ')
  }
  const trace = (points: number[][], attributes: string, channels: string) => {
    const differences = below(2) === 1
    const list = points.map((point, i) => values(point, channels, differences && i > 0 ? points[i - 1] : undefined))
    return `<trace ${attributes}>${list.join(below(2) ? ',' : ' ,\n')}</trace>`
  }
  const groups = samples.map(({ text, strokes }) => {
    const group = formats[below(3)]!
    const body = strokes.map((stroke) => {
      const id = `t${++ids}`
      const { channels, id: context } = formats[below(3)]!
      const named = `xml:id="${id}" contextRef="#${context}"`
      const kind = below(4)
      if (kind === 0) return trace(stroke, '', group.channels)
      if (kind === 1) return trace(stroke, named, channels)
      if (kind === 2 && stroke.length > 1) {
        const first = trace(stroke.slice(0, 1), `${named} continuation="begin"`, channels)
        return `${first}${trace(stroke.slice(1), `continuation="end" priorRef="#${id}"`, group.channels)}`
      }
      definitions.push(trace([[9, 9, -1], ...stroke, [9, 9, 1e9]], named, channels))
      return `<traceView traceDataRef="#${id}" from="2" to="${stroke.length + 1}"/>`
    })
    return `<traceGroup contextRef="#${group.id}"><annotation type="truth">${escapeXml(text)}</annotation>${body.join('')}</traceGroup>`
  })
  return `<?xml version="1.0"?>\n<ink xmlns="http://www.w3.org/2003/InkML"><definitions>${definitions.join('')}</definitions>\n${groups.join('\n')}</ink>`
}

function iam([{ strokes }]: [Sample]): string {
  const list = strokes.map((stroke) => {
    const points = stroke.map(([x, y, t]) => `<Point x="${x}" y="${-y}" time="${(t / 1000).toFixed(3)}"/>`)
    return `<Stroke colour="black">${points.join('\n')}</Stroke>`
  })
  return `<?xml version="1.0" encoding="ISO-8859-1"?>\n<WhiteboardCaptureSession><StrokeSet>${list.join('')}</StrokeSet></WhiteboardCaptureSession>`
}

export interface Format {
  name: string
  write: (samples: Sample[], below: Below) => string
  /** Whether the format holds texts, times and more than one sample. */
  texts: boolean
  times: boolean
  single?: boolean
}

export const formats: Format[] = [
  { name: 'stroke JSON', write: strokeJson, texts: true, times: true },
  { name: 'QuickDraw', write: quickDraw, texts: true, times: true },
  {
    name: 'stroke-3',
    write: (samples) => offsets(samples, (dx, dy, last) => [dx, dy, last ? 1 : 0], []),
    texts: false,
    times: false
  },
  {
    name: 'stroke-5',
    write: (samples) =>
      offsets(samples, (dx, dy, last) => [dx, dy, ...(last ? [0, 1, 0] : [1, 0, 0])], [[0, 0, 0, 0, 1]]),
    texts: false,
    times: false
  },
  { name: 'UNIPEN', write: unipen, texts: true, times: true },
  { name: 'InkML', write: inkml, texts: true, times: true },
  { name: 'IAM-OnDB', write: ([first]) => iam([first!]), texts: false, times: true, single: true }
]
