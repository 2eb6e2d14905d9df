// How long files of 100 MB of other programs take to be read, and the memory of the process as a multiple of the file. Each is read in a process of
// its own: all tensors of a safetensors, NPZ, compressed NPZ and ONNX file, and with GATECELL_PYTHON of a state_dict that PyTorch wrote.
//   npm run build:ts && node bench/import.mjs [--megabytes 100] [--json]
import { Buffer } from 'node:buffer'
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const { values } = parseArgs({
  options: {
    megabytes: { type: 'string', default: '100' },
    json: { type: 'boolean', default: false },
    // The process of one file.
    read: { type: 'string' }
  }
})

/** Reads a file. Prints seconds, and the bytes by which the peak of the memory is above that of the start. */
async function measure(path) {
  const { openTensorFile } = await import('../dist/esm/interop/index.js')
  const { readOnnx } = await import('../dist/esm/interop/onnx/read.js')
  const { openBytes } = await import('../dist/esm/data/files/byte-reader.js')
  const before = process.memoryUsage.rss()
  const begin = performance.now()
  const kept = []
  if (path.endsWith('.onnx')) {
    const source = await openBytes(path)
    kept.push(readOnnx(await source.read(0, source.size), path))
    await source.close()
  } else {
    const file = await openTensorFile(path)
    for (const { read } of file.tensors.values()) kept.push(await read())
    await file.close()
  }
  const seconds = (performance.now() - begin) / 1000
  console.log(JSON.stringify({ seconds, bytes: 1024 * process.resourceUsage().maxRSS - before }))
}

/** Makes the files in a folder and returns their paths by name. */
async function makeFiles(folder, bytes) {
  const { writeSafetensors } = await import('../dist/esm/io/safetensors/file.js')
  const { encodeNpyHeader } = await import('../dist/esm/data/files/npy.js')
  const { writeAtomically } = await import('../dist/esm/io/atomic.js')
  const { writeZip } = await import('../dist/esm/interop/bytes/zip-writer.js')
  const { onnxModel, onnxNode, onnxTensor, onnxValue } = await import('../dist/esm/io/onnx.js')
  const rows = Math.round(bytes / 4 / 1024 / 4)
  const tensors = Array.from({ length: 4 }, (_, i) => ({
    name: `weight_${i}`,
    shape: [rows, 1024],
    data: Float32Array.from({ length: rows * 1024 }, (_, k) => Math.sin(k * (i + 1)))
  }))
  const paths = {}
  const path = (name) => (paths[name] = join(folder, name))
  await writeSafetensors(path('weights.safetensors'), tensors)
  const bytesOf = ({ buffer, byteOffset, byteLength }) => new Uint8Array(buffer, byteOffset, byteLength)
  const entries = tensors.map(({ name, shape, data }) => ({ name: `${name}.npy`, parts: [encodeNpyHeader('F32', shape), bytesOf(data)] })) // prettier-ignore
  await writeAtomically(path('weights.npz'), (file) => writeZip(file, entries))
  const graph = {
    nodes: [onnxNode('Identity', ['x'], ['y'])],
    initializers: tensors.map(({ name, shape, data }) => onnxTensor(name, 1, shape, data)),
    inputs: [onnxValue('x', 1, ['n'])],
    outputs: [onnxValue('y', 1, ['n'])]
  }
  writeFileSync(path('weights.onnx'), Buffer.concat(onnxModel(graph)))
  const python = process.env['GATECELL_PYTHON']
  if (!python) return paths
  const program =
    'import sys, torch; from safetensors.torch import load_file; torch.save(load_file(sys.argv[1]), sys.argv[2])'
  execFileSync(python, ['-c', program, paths['weights.safetensors'], path('weights.pt')])
  const packed = 'import sys, numpy; numpy.savez_compressed(sys.argv[2], **numpy.load(sys.argv[1]))'
  execFileSync(python, ['-c', packed, paths['weights.npz'], path('compressed.npz')])
  return paths
}

async function main() {
  const folder = mkdtempSync(join(tmpdir(), 'gatecell-import-'))
  try {
    const paths = await makeFiles(folder, 1e6 * Number(values.megabytes))
    for (const [name, path] of Object.entries(paths)) {
      const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--read', path], { encoding: 'utf8' })
      if (child.status !== 0) throw new Error(child.stderr)
      const { size } = statSync(path)
      const { seconds, bytes } = JSON.parse(child.stdout)
      const multiple = bytes / size
      const row = { file: name, megabytes: size / 1e6, seconds, multiple }
      const line = `${name.padEnd(20)} ${(size / 1e6).toFixed(1)} MB read in ${seconds.toFixed(2)} s, ${multiple.toFixed(2)} times its memory`
      console.log(values.json ? JSON.stringify(row) : line)
    }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

await (values.read === undefined ? main() : measure(values.read))
