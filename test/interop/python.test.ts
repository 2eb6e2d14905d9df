// The programs of docs/interop.md in Python, with PyTorch and ONNX Runtime; only where GATECELL_PYTHON names a Python that has them.
import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { promisify } from 'node:util'
import t from 'tap'
import { story } from '../cli/command.js'
import { inProcess } from '../cli/in-process.js'
import { blocksOf } from '../docstrings/examples.js'

const python = process.env['GATECELL_PYTHON']

t.test('from PyTorch to Node and back', { skip: python === undefined && 'GATECELL_PYTHON is not set' }, async (t) => {
  const cwd = t.testdir({})
  const [train, back, onnx] = blocksOf('docs/interop.md', 'python').map(({ code }) => code) as [string, string, string]
  const call = async (program: string) => (await promisify(execFile)(python!, ['-c', program], { cwd })).stdout
  const run = async (line: string) => {
    const { code, stderr, stdout } = await inProcess(line.split(' '), undefined, cwd)
    t.equal(code, 0, stderr)
    return stdout
  }
  writeFileSync(`${cwd}/shakespeare.txt`, story(4000))
  await call(train)
  await run('import characters.pt --vocabulary characters.json --out shakespeare.safetensors')
  t.ok((await run('sample shakespeare.safetensors --prompt a --length 50')).length >= 50)
  await run('export shakespeare.safetensors --to pytorch --out torch.safetensors --map lstm=rnn,head=decoder')
  await run('export shakespeare.safetensors --to onnx --out shakespeare.onnx')
  t.match(await call(back), /^torch\.Size\(\[1, 1, \d+\]\)\n$/)
  t.match(await call(onnx), /^\(1, 1, \d+\)\n$/)
})
