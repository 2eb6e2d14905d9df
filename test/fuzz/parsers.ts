// The parsers that are fuzzed: for each the files to begin with, the words of its format, and a call that takes bytes.

import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { csvRecords } from '../../src/data/files/csv.js'
import { imageFormat, isAnimated } from '../../src/data/images/signature.js'
import { jsonCaptions } from '../../src/data/images/records.js'
import { parseInk } from '../../src/data/ink/read.js'
import { decodeMidi } from '../../src/data/music/midi/decode.js'
import { bytesInMemory } from '../../src/data/files/byte-reader.js'
import { bpeFromTokenizerJson, vocabularyFromConfig } from '../../src/data/text/vocabulary.js'
import { GatecellError } from '../../src/errors.js'
import { describePickle } from '../../src/interop/bytes/pickle.js'
import { openZip } from '../../src/interop/bytes/zip.js'
import { importGraph } from '../../src/interop/import-model.js'
import { kerasFrom } from '../../src/interop/keras/read.js'
import { readOnnx } from '../../src/interop/onnx/read.js'
import { tensorsFrom } from '../../src/interop/tensors/tensor-file.js'
import { parseJsonObject, parseStrictJson } from '../../src/io/json.js'
import { dtypeBits, elementCount } from '../../src/io/safetensors/dtypes.js'
import type { Random } from '../../src/random.js'
import { decodeSession } from '../../src/serve/session-value.js'
import { changedArchive, entriesOf } from './archives.js'
import { mutated, oneOf, type Material } from './mutate.js'

/** A parser of bytes. */
export interface Parser {
  readonly name: string
  readonly material: Material
  /** Returns a changed file. */
  change(random: Random): Uint8Array
  /** Reads bytes. Everything that it throws but a GatecellError is a finding. */
  read(bytes: Uint8Array): void | Promise<void>
}

const bytesOf = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)))
const latin = (text: string) => Buffer.from(text, 'latin1')
const textOf = (bytes: Uint8Array) => new TextDecoder().decode(bytes)

interface ParserOptions {
  /** Files, relative to test/fuzz. */
  files: readonly string[]
  words?: readonly string[]
  /** Most bytes of a changed file. Default 64 KiB. */
  most?: number
  /** Whether the files are archives, whose entries are changed, too. */
  archive?: boolean
  /** Makes a checksum right that would hide all other changes. */
  repair?: (bytes: Uint8Array) => Uint8Array
}

/** Returns a parser. */
export function parserOf(
  name: string,
  { files, words = [], archive = false, repair, most }: ParserOptions,
  read: Parser['read']
): Parser {
  // prettier-ignore
  const material = { files: files.map(bytesOf), words: words.map(latin), ...(most !== undefined && { most }) }
  const archives = archive ? material.files.map(entriesOf) : []
  const change = (random: Random) => {
    if (archive && random.below(4) > 0) return changedArchive(oneOf(random, archives), random, material)
    const changed = mutated(oneOf(random, material.files), random, material)
    return repair && random.below(8) > 0 ? repair(changed) : changed
  }
  return { name, material, change, read }
}

/** Reads all tensors of a file and compares their sizes with their shapes. */
async function readTensors(bytes: Uint8Array): Promise<void> {
  const file = await tensorsFrom(bytesInMemory(bytes, 'a file'))
  for (const { dtype, shape, read } of file.tensors.values()) {
    const { byteLength } = await read()
    const right = (elementCount(shape) * dtypeBits[dtype]) / 8
    if (byteLength !== right) throw new Error(`${byteLength} bytes of [${shape.join(', ')}] ${dtype}`)
  }
}

/** Makes the length of the header of a safetensors file, and that of its data, right. */
function wholeSafetensors(bytes: Uint8Array): Uint8Array {
  const copy = Buffer.from(bytes)
  const end = copy.lastIndexOf('}}') + 2
  if (end > 10) copy.writeBigUInt64LE(BigInt(end - 8), 0)
  return copy
}

const SESSION_KEY = Buffer.from('the key of the fuzzer')

/** Signs the value of a session again. */
function signed(bytes: Uint8Array): Uint8Array {
  const content = bytes.subarray(0, Math.max(0, bytes.length - 32))
  return Buffer.concat([content, createHmac('sha256', SESSION_KEY).update(content).digest()])
}

async function* onePiece(bytes: Uint8Array): AsyncGenerator<string> {
  yield textOf(bytes)
}

const readAllInk = (bytes: Uint8Array) => {
  for (const draft of parseInk(textOf(bytes), 'a file')) {
    try {
      draft()
    } catch (error) {
      if (!(error instanceof GatecellError)) throw error
    }
  }
}

const golden = (...names: string[]) => names.map((name) => `../golden/interop/${name}`)
const ink = (...names: string[]) => names.map((name) => `../data/ink/files/${name}`)
const corpus = (...names: string[]) => names.map((name) => `corpus/${name}`)
const json = ['{', '}', '[', ']', ',', ':', '"', '\\u', '\\ud800', '"__proto__":', 'null', 'true', '1e308', '-0', '[[[[[[[[', '{"a":'] // prettier-ignore
const torch = [
  '}', ']', ')', '(', 't', '\x85', '\x86', '\x87', 'ctorch\nFloatStorage\n', 'ccollections\nOrderedDict\n', 'ctorch._utils\n_rebuild_tensor_v2\n',
  'ctorch._utils\n_rebuild_parameter\n', 'ctorch\nSize\n', 'q\0', 'q\x01', 'h\0', 'h\x01', 'r\0\0\0\0', 'j\0\0\0\0', 'X\x01\0\0\0a', 'X\x07\0\0\0storage',
  'K\x02', 'M\x01\x02', 'J\xff\xff\xff\xff', '\x8a\x02\x01\x80', '\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f', 'G\x3f\xf0\0\0\0\0\0\0', 'N', '\x88',
  '\x89', 'Q', 'R', 'b', 's', 'u', 'a', 'e', '.', '\x80\x02'
] // prettier-ignore
const npy = ["'<f8'", "'|O'", "'>f4'", "'|b1'", 'True', 'False', '(', ')', ',', '1,', '0,', '2147483648,', "'shape': (", '}', ' '.repeat(64)] // prettier-ignore
const zip = ['PK\x03\x04', 'PK\x01\x02', 'PK\x05\x06', 'PK\x06\x06', 'PK\x06\x07', '\x01\0\x10\0', '\xff\xff\xff\xff', '\x08\0'] // prettier-ignore
// Tags of fields: numbers 1 to 15 with the types 0, 1, 2 and 5, and integers that are long or negative.
const protobuf = [
  ...Array.from({ length: 15 }, (_, i) => [0, 2, 5].map((type) => String.fromCharCode((i + 1) * 8 + type))).flat(),
  '\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01', '\xff\xff\xff\xff\x0f', '\x0a\0', '\x3a\0', '\x2a\0', 'LSTM', 'GRU', 'hidden_size'
] // prettier-ignore
const hdf5 = ['\x89HDF\r\n\x1a\n', 'TREE', 'SNOD', 'HEAP', 'OHDR', 'OCHK', 'GCOL', '\xff\xff\xff\xff\xff\xff\xff\xff', '\0\0\0\0\0\0\0\0'] // prettier-ignore
const xml = ['<trace>', '</trace>', '<traceGroup>', '<traceView traceDataRef="#b"/>', '<!DOCTYPE x [', '<![CDATA[', '&amp;', '&#65;', '&#x110000;', "'", '"', '*', '!', '?', '<annotation type="truth">', '<Stroke>', '<Point x="1" y="2"/>', '<channel name="X"/>', ' 1 2, 3 4', 'NaN'] // prettier-ignore
const unipen = ['.PEN_DOWN\n', '.PEN_UP\n', '.SEGMENT WORD 0:1-2 ? "a"\n', '.COORD X Y T\n', '.HIERARCHY PAGE WORD\n', '.INCLUDE other\n', '.DT 10\n', '1 2\n', '"', ':', '-', ','] // prettier-ignore
const midi = ['MThd\0\0\0\x06', 'MTrk', '\xff\x2f\0', '\xff\x51\x03\x07\xa1\x20', '\xff\x58\x04\x04\x02\x18\x08', '\x90\x40\x40', '\x80\x40\0', '\xf0', '\xf7', '\xff\xff\xff\x7f', '\x81\0'] // prettier-ignore

const makers: Readonly<Record<string, (name: string) => Parser>> = {
  safetensors: (name) =>
    parserOf(name, { files: [...golden('text.safetensors'), '../golden/dtypes.safetensors'], words: [...json, '"F4"', '"data_offsets":[0,0]'], repair: wholeSafetensors }, readTensors), // prettier-ignore
  npy: (name) => parserOf(name, { files: [...golden('fortran.npy'), ...corpus('matrix.npy')], words: npy }, readTensors), // prettier-ignore
  npz: (name) =>
    parserOf(name, { files: golden('arrays.npz', 'compressed.npz', 'objects.npz'), words: [...npy, ...zip], archive: true }, readTensors), // prettier-ignore
  zip: (name) =>
    parserOf(name, { files: golden('arrays.npz', 'compressed.npz', 'views.pt'), words: zip }, async (bytes) => {
      for (const entry of (await openZip(bytesInMemory(bytes, 'a file'), 2 ** 24)).values()) {
        await entry.head(16)
        await entry.read(1, Math.max(0, entry.size - 1))
      }
    }),
  hdf5: (name) =>
    parserOf(name, { files: ['text.h5', 'both-concat.h5', 'lstm.keras'].map((one) => `../golden/keras/${one}`), words: hdf5 }, readTensors), // prettier-ignore
  pytorch: (name) =>
    parserOf(name, { files: golden('lstm.pt', 'views.pt', 'checkpoint.pt', 'module.pt', 'script.pt'), words: torch, archive: true }, readTensors), // prettier-ignore
  pickle: (name) =>
    parserOf(name, { files: corpus('lstm.pkl', 'views.pkl', 'empty.pkl'), words: torch }, (bytes) => {
      const names = new Set(['torch.FloatStorage', 'collections.OrderedDict', 'torch._utils._rebuild_tensor_v2'])
      const refuse = (found: string) => new GatecellError('ERR_FILE_FORMAT', found)
      describePickle(bytes, { where: 'a file', names, refuse })
    }),
  onnx: (name) =>
    parserOf(
      name,
      { files: [...golden('text.onnx'), ...corpus('lstm.onnx', 'gru.onnx', 'rnn.onnx')], words: protobuf },
      (bytes) => {
        // prettier-ignore
        readOnnx(Uint8Array.from(bytes), 'a file')
      }
    ),
  'onnx-graph': (name) =>
    parserOf(name, { files: golden('text.onnx'), words: [...protobuf, 'Concat', 'Reshape', 'ConstantOfShape', 'axis', 'logits'] }, (bytes) => importGraph(readOnnx(Uint8Array.from(bytes), 'a file')).dispose()), // prettier-ignore
  keras: (name) =>
    parserOf(name, { files: ['lstm.keras', 'repeated.keras', 'shared.keras'].map((one) => `../golden/keras/${one}`), words: [...json, ...hdf5], archive: true }, async (bytes) => importGraph(await kerasFrom(bytesInMemory(bytes, 'a file'))).dispose()), // prettier-ignore
  json: (name) => parserOf(name, { files: corpus('values.json', 'captions.json'), words: json }, (bytes) => void parseStrictJson(textOf(bytes), 'a file')), // prettier-ignore
  midi: (name) => parserOf(name, { files: corpus('two-tracks.mid', 'one-track.mid'), words: midi }, (bytes) => void decodeMidi(bytes, 'a file')), // prettier-ignore
  inkml: (name) => parserOf(name, { files: ink('continued.inkml', 'views.inkml', 'references.inkml', 'board-02.xml'), words: xml }, readAllInk), // prettier-ignore
  unipen: (name) => parserOf(name, { files: ink('sets.unp', 'streams.unp'), words: unipen }, readAllInk),
  'ink-json': (name) => parserOf(name, { files: ink('drawings.ndjson', 'list.json'), words: json }, readAllInk),
  tokenizer: (name) => parserOf(name, { files: corpus('tokenizer.json'), words: json }, (bytes) => void bpeFromTokenizerJson(textOf(bytes))), // prettier-ignore
  vocabulary: (name) =>
    parserOf(
      name,
      {
        files: corpus('characters.json', 'words.json', 'bytes.json', 'bpe.json'),
        words: [...json, '"kind":"bpe"', '"kind":"word"']
      },
      (bytes) => {
        // prettier-ignore
        vocabularyFromConfig(parseJsonObject(textOf(bytes), 'a file'))
      }
    ),
  session: (name) =>
    parserOf(name, { files: corpus('session.bin'), words: json, repair: signed }, (bytes) => void decodeSession(bytes, SESSION_KEY)), // prettier-ignore
  captions: (name) =>
    parserOf(name, { files: corpus('captions.json', 'captions.ndjson'), words: json }, (bytes) => {
      jsonCaptions(textOf(bytes), 'a file', (make) => make())
    }),
  csv: (name) =>
    parserOf(
      name,
      { files: corpus('series.csv'), most: 512, words: ['"', '""', ',', ';', '\t', '\r\n', '\n', '\ufeff', '\0'] },
      async (bytes) => {
        // prettier-ignore
        for await (const { cells } of csvRecords(onePiece(bytes), 'a file')) if (cells.length === 0) throw new Error('a record without cells') // prettier-ignore
      }
    ),
  image: (name) =>
    parserOf(
      name,
      {
        files: corpus('picture.png', 'picture.webp', 'picture.avif', 'picture.jpg'),
        words: ['acTL', 'IDAT', 'VP8X', 'ftyp', 'avif', 'avis']
      },
      (bytes) => {
        // prettier-ignore
        const format = imageFormat(bytes)
        if (format) isAnimated(bytes, format)
      }
    )
}

/** The names of the parsers. */
export const parserNames: readonly string[] = Object.keys(makers)

/** Returns the parser of a name, with its files read. */
export function loadParser(name: string): Parser {
  return makers[name]!(name)
}
