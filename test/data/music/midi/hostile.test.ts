// Thousands of damaged MIDI files: each gives a typed error or a valid piece, which is written and read back unchanged.

import t from 'tap'
import { encodePiece } from '../../../../src/data/music/events.js'
import { decodeMidi } from '../../../../src/data/music/midi/decode.js'
import { encodeMidi } from '../../../../src/data/music/midi/encode.js'
import { createPiece, type Piece } from '../../../../src/data/music/notes.js'
import { rollOfPiece } from '../../../../src/data/music/rolls.js'
import { GatecellError } from '../../../../src/errors.js'
import { createRandom, type Random } from '../../../../src/random.js'
import { rounds } from '../../../amounts.js'
import { dataFile, filesOfTar } from '../archives.js'
import { chunk, header, tempo, track, variable } from './bytes.js'

/** A file with every kind of event. */
function wholeFile(random: Random): Uint8Array {
  const pick = (count: number) => random.below(count)
  const event = (): number[] => {
    const [channel, pitch] = [pick(3), 55 + pick(12)]
    const kinds = [
      () => [0x90 | channel, pitch, pick(128)],
      () => [0x80 | channel, pitch, 64],
      () => [0xb0 | channel, 64, pick(128)],
      () => [0xb0 | channel, [7, 120, 121, 123][pick(4)]!, 0],
      () => [0xc0 | channel, pick(128)],
      () => [0xe0 | channel, pick(128), pick(128)],
      () => [0xa0 | channel, pitch, pick(128)],
      () => [0xd0 | channel, pick(128)],
      () => tempo(1 + pick(1_000_000)),
      () => [0xff, 0x58, 4, 1 + pick(12), pick(8), 24, 8],
      () => [0xff, 3, 4, 65, 66, 67, 68],
      () => [0xff, 0x59, 2, 0, 0],
      () => [0xf0, 3, 1, 2, 0xf7]
    ]
    return kinds[random.uniform() < 0.7 ? pick(2) : pick(kinds.length)]!()
  }
  const tracks = Array.from({ length: 1 + pick(3) }, () => track(...Array.from({ length: 5 + pick(60) }, () => [pick(200), ...event()]))) // prettier-ignore
  const division = pick(5) === 0 ? 0xe728 : 1 + pick(960)
  const other = pick(3) === 0 ? chunk('Xtra', [1, 2, 3]) : []
  return Uint8Array.from([...header(tracks.length === 1 ? 0 : 1, tracks.length, division), ...other, ...tracks.flat()])
}

/** Damages a file: bits, bytes, lengths, parts cut off, doubled, moved or made up. */
function damaged(file: Uint8Array, random: Random): Uint8Array {
  const bytes = [...file]
  const at = () => random.below(Math.max(1, bytes.length))
  const ways = [
    () => (bytes[at()]! ^= 1 << random.below(8)),
    () => (bytes[at()] = random.below(256)),
    () => bytes.splice(at()),
    () => bytes.splice(at(), 1 + random.below(20)),
    () => bytes.splice(at(), 0, ...bytes.slice(at(), at() + 30)),
    () => bytes.splice(at(), 0, ...variable(random.below(2 ** 28))),
    () => bytes.splice(at(), 4, 255, 255, 255, random.below(256)),
    () => bytes.push(...chunk(['MTrk', 'MThd', 'abcd'][random.below(3)]!, [...bytes.slice(at(), at() + 20)])),
    () => bytes.splice(22, bytes.length, ...Array.from({ length: random.below(200) }, () => random.below(256)))
  ]
  for (let i = 1 + random.below(3); i > 0; i--) ways[random.below(ways.length)]!()
  return Uint8Array.from(bytes, (byte) => byte ?? 0)
}

/** Throws unless every value of a piece is in its range and it survives writing. */
function checkPiece(piece: Piece): void {
  // createPiece checks every value, and separates notes; a piece of the reader does not change.
  if (JSON.stringify(createPiece(piece)) !== JSON.stringify(piece)) throw new Error('not a valid piece')
  const { piece: again } = decodeMidi(encodeMidi(piece), piece.name)
  const plain = ({ notes }: Piece) => JSON.stringify(notes.map((note) => ({ ...note, program: 0 })))
  if (plain(again) !== plain(piece)) throw new Error('not read back')
  for (const use of [() => encodePiece(piece), () => rollOfPiece(piece, '16th')])
    try {
      use()
    } catch (error) {
      if (!(error instanceof GatecellError && error.code === 'ERR_OUT_OF_RANGE')) throw error
    }
}

function archiveFiles(): Uint8Array[] {
  const path = dataFile('music', 'piano-midi-de', 'piano-midi-de-dev.tar.gz')
  if (path === undefined) return []
  return [...filesOfTar(path)].filter(({ name }) => name.endsWith('.mid')).map(({ bytes }) => bytes.slice(0, 6000))
}

t.test('damaged files', async (t) => {
  const random = createRandom(14, 'damaged')
  // Files of the data folder, where it is, are cut, so each of them is damaged in any case.
  const real = archiveFiles()
  let [pieces, errors, slowest] = [0, 0, 0]
  for (let i = rounds(1500, 4000, 200_000); i > 0; i--) {
    const whole = real.length > 0 && random.below(8) === 0 ? real[random.below(real.length)]! : wholeFile(random)
    const file = random.below(20) === 0 ? whole : damaged(whole, random)
    const begin = performance.now()
    let reading: ReturnType<typeof decodeMidi> | undefined
    try {
      reading = decodeMidi(file, 'a.mid')
    } catch (error) {
      const typed =
        error instanceof GatecellError && error.code === 'ERR_FILE_FORMAT' && error.message.includes('a.mid')
      if (!typed) return void t.fail(`${String(error)} from ${Buffer.from(file).toString('base64')}`)
      errors++
    }
    slowest = Math.max(slowest, performance.now() - begin)
    if (!reading) continue
    pieces++
    try {
      checkPiece(reading.piece)
    } catch (error) {
      return void t.fail(`${String(error)} after ${Buffer.from(file).toString('base64')}`)
    }
  }
  t.ok(pieces > 100 && errors > 100)
  t.comment(`${pieces} pieces, ${errors} errors, the slowest file took ${slowest.toFixed(1)} ms`)
})
