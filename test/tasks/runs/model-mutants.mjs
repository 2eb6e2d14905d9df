// Changes model files and makes their checksums right again, so that configurations and loaders are reached. No test by itself.

const { crc32c } = await import(new URL('../../../dist/esm/io/crc32c.js', import.meta.url).href)

const { DataView, TextDecoder, TextEncoder, structuredClone } = globalThis
const NO_CHECKSUM = 'crc32c:00000000-00000000'
const CHECKSUM_AT = 8 + '{"__metadata__":{"checksum":"crc32c:'.length
const hex = (crc) => crc.toString(16).padStart(8, '0')

/** A model file as a value: metadata with configuration and progress as JSON, and the tensors with their bytes. */
export function takeApart(bytes) {
  const length = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true))
  const { __metadata__: metadata, ...fields } = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + length)))
  const tensors = Object.entries(fields).map(
    ([
      name,
      {
        dtype,
        shape,
        data_offsets: [begin, end]
      }
    ]) => {
      return { name, dtype, shape, data: bytes.slice(8 + length + begin, 8 + length + end) }
    }
  )
  return { ...metadata, config: JSON.parse(metadata.config), progress: JSON.parse(metadata.progress), tensors }
}

/** The file of a value, with the checksums that it should have. `shift`: added to the offsets of one tensor. */
export function putTogether({ task, format, config, progress, tensors, shift = {} }) {
  const metadata = { config: JSON.stringify(config), format, progress: JSON.stringify(progress), task }
  const header = { __metadata__: { checksum: NO_CHECKSUM, ...metadata } }
  let at = 0
  for (const { name, dtype, shape, data } of tensors) {
    const [begin, end] = shift.name === name ? shift.by : [0, 0]
    header[name] = { dtype, shape, data_offsets: [at + begin, at + data.length + end] }
    at += data.length
  }
  const text = JSON.stringify(header)
  const json = new TextEncoder().encode(text + ' '.repeat((8 - (new TextEncoder().encode(text).length % 8)) % 8))
  const bytes = new Uint8Array(8 + json.length + at)
  new DataView(bytes.buffer).setBigUint64(0, BigInt(json.length), true)
  bytes.set(json, 8)
  const begin = 8 + json.length
  at = begin
  for (const { data } of tensors) {
    bytes.set(data, at)
    at += data.length
  }
  const checksum = `${hex(crc32c(bytes.subarray(0, begin)))}-${hex(crc32c(bytes.subarray(begin)))}`
  bytes.set(new TextEncoder().encode(checksum), CHECKSUM_AT)
  return bytes
}

const NUMBERS = [
  0,
  1,
  2,
  3,
  16,
  1000,
  1001,
  6000,
  20_000,
  65_536,
  2 ** 20,
  2 ** 20 + 1,
  2 ** 29,
  2 ** 31,
  2 ** 32,
  2 ** 53
]
const REALS = [-1, 0.5, 1.5, 0.999, 1e-9, 1e-200, 1e-308, 5e-324, 1e9, 1e12, 1e200, 1.7e308]
const VALUES = [null, true, false, '', 'none', [], {}, [[]], '\u001b[31m', 'writer=1', 'constructor', { toString: 1 }]
const DTYPES = ['F64', 'F16', 'BF16', 'I32', 'U8', 'BOOL', 'F8_E4M3', 'F8_E4M3FNUZ', 'F4', 'C64', 'X7', '']
const NAMES = [
  '__proto__',
  'constructor',
  '',
  'head.weight.',
  'state.x',
  'optimizer.moment1.x',
  '\u001b[2J',
  'a'.repeat(2000)
]

/** Every place of a JSON value: [object, key]. */
function places(value, found = []) {
  for (const [key, part] of Object.entries(value)) {
    found.push([value, key])
    if (typeof part === 'object' && part !== null) places(part, found)
  }
  return found
}

/** Changes, each a function of (model, one of). */
const changes = {
  number(model, pick, part = 'config') {
    const all = places(model[part]).filter(([object, key]) => typeof object[key] === 'number')
    const [object, key] = pick(all.length > 0 ? all : places(model[part]))
    object[key] = pick([pick(NUMBERS), pick(REALS), object[key] + 1, object[key] * 2, object[key] / 2])
  },
  progressNumber: (model, pick) => changes.number(model, pick, 'progress'),
  value(model, pick, part = 'config') {
    const [object, key] = pick(places(model[part]))
    object[key] = pick([pick(VALUES), pick(NUMBERS)])
  },
  progressValue: (model, pick) => changes.value(model, pick, 'progress'),
  deletion(model, pick) {
    const [object, key] = pick(places(model[pick(['config', 'progress'])]))
    if (Array.isArray(object)) object.length = 0
    else delete object[key]
  },
  twoNumbers(model, pick) {
    changes.number(model, pick)
    changes.number(model, pick)
  },
  deep(model, pick) {
    let value = 1
    for (let i = pick([10, 60, 70]); i > 0; i--) value = pick([[value], { a: value }])
    const [object, key] = pick(places(model[pick(['config', 'progress'])]))
    object[key] = value
  },
  shape(model, pick) {
    const tensor = pick(model.tensors)
    tensor.shape = [...tensor.shape]
    tensor.shape[pick(Object.keys(tensor.shape))] = pick([...NUMBERS, ...REALS])
  },
  rank(model, pick) {
    const tensor = pick(model.tensors)
    tensor.shape = pick([
      [...tensor.shape, 1],
      [],
      [tensor.data.length / 4],
      [...tensor.shape].reverse(),
      Array(20).fill(1)
    ])
  },
  resize(model, pick) {
    // Shape and bytes agree; only the configuration contradicts them.
    const tensor = pick(model.tensors)
    const shape = [...tensor.shape]
    shape[pick(Object.keys(shape))] = pick([0, 1, 2, 5, 64])
    const data = new Uint8Array(4 * shape.reduce((product, size) => product * size, 1))
    data.set(tensor.data.subarray(0, data.length))
    Object.assign(tensor, { shape, data })
  },
  dtype(model, pick) {
    pick(model.tensors).dtype = pick(DTYPES)
  },
  name(model, pick) {
    pick(model.tensors).name = pick([...NAMES, ...model.tensors.map(({ name }) => name)])
  },
  swap(model, pick) {
    const [one, other] = [pick(model.tensors), pick(model.tensors)]
    ;[one.name, other.name] = [other.name, one.name]
  },
  missing(model, pick) {
    const tensor = pick(model.tensors)
    model.tensors = model.tensors.filter((one) => one !== tensor)
  },
  extra(model, pick) {
    model.tensors.push({ ...pick(model.tensors), name: pick([...NAMES, 'zz', 'optimizer.moment3.head.weight']) })
  },
  offsets(model, pick) {
    const by = pick([
      [4, 4],
      [0, 4],
      [-4, 0],
      [0, -4],
      [2 ** 40, 2 ** 40],
      [0.5, 0.5],
      [2 ** 53, 2 ** 53]
    ])
    model.shift = { name: pick(model.tensors).name, by }
  },
  contents(model, pick) {
    const { data } = pick(model.tensors)
    const value = pick([0x00, 0x7f, 0xff])
    for (let i = pick([0, 3]); i < data.length; i += pick([1, 4])) data[i] = value
  },
  task(model, pick) {
    model.task = pick([
      'text',
      'handwriting',
      'handwriting-synthesis',
      'handwriting-recognition',
      'music',
      'translation',
      '\u001b[31m'
    ])
  }
}

const LARGE_OR_SMALL = [0, 6000, 20_000, 2 ** 20, 2 ** 53, 1e-200, 1e200]

/** A file for every number of the configuration's `parts` and each of a few values that are too large or too small. */
export function* everyNumber(model, parts) {
  for (const part of parts.filter((name) => name in model.config)) {
    const within = typeof model.config[part] === 'number' ? [[model.config, part]] : places(model.config[part])
    for (const [object, key] of within.filter(([object, key]) => typeof object[key] === 'number')) {
      const right = object[key]
      for (const value of LARGE_OR_SMALL) {
        object[key] = value
        yield { name: `${part}.${key} = ${value}`, bytes: putTogether(model) }
      }
      object[key] = right
    }
  }
}

/** One changed file and the name of the change. `random`: below(n) draws an integer. */
export function mutant(model, random) {
  const pick = (list) => list[random.below(list.length)]
  const changed = structuredClone(model)
  const name = pick(Object.keys(changes))
  changes[name](changed, pick)
  return { name, bytes: putTogether(changed) }
}
