// Builds the CUDA library and copies it next to the addon (build/Release), where the engine looks for it. With a GPU it is built for all
// targets, without one only for those that prove that every kernel compiles. It is not part of `npm run build`, because it takes minutes
// and nobody without a GPU needs it. Without nvcc it prints one line and builds nothing. It fails if a persistent kernel spills registers:
// the kernel's loop would read them from memory at every step.
//   --all     builds all targets also without a GPU
//   --table   writes the resources of each kernel, as ptxas prints them, to native/cuda/RESOURCES.md
import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { allTargets, buildCuda, hasGpu, hasNvcc, knownKernels, library, provingTargets } from './cuda-lib.mjs'
import { fail, root } from './lib.mjs'

const persistent = /persistent/

/** Returns the demangled names: of a template its name, of an unnamed function the name of the function that contains it. */
function namesOf(symbols) {
  const { stdout } = spawnSync('c++filt', ['-p'], { input: symbols.join('\n'), encoding: 'utf8' })
  return stdout
    .trim()
    .split('\n')
    .map((name) => {
      const short = name.replace(/gatecell::cuda::|\(anonymous namespace\)::/g, '')
      const [, inside] = /([\w:]+)\([^()]*\)::\{lambda/.exec(short) ?? []
      return inside === undefined ? short : `${/^\w+/.exec(short)[0]}<${inside}>`
    })
}

function table(kernels) {
  const names = namesOf(kernels.map(({ symbol }) => symbol))
  const rows = new Map()
  kernels.forEach(({ target, registers, stack, spills }, i) => {
    const key = `| \`${names[i]}\` | ${target} |`
    const old = rows.get(key) ?? [0, 0, 0]
    rows.set(key, [Math.max(old[0], registers), Math.max(old[1], stack), Math.max(old[2], spills)])
  })
  return [...rows].map(([key, figures]) => `${key} ${figures.join(' | ')} |`).sort()
}

function writeTable(kernels) {
  const version = /release ([\d.]+)/.exec(spawnSync('nvcc', ['--version'], { encoding: 'utf8' }).stdout)?.[1]
  const lines = [
    '# What ptxas says of each kernel',
    '',
    `Written by \`node scripts/build-cuda.mjs --table\` with CUDA ${version}. Registers, and bytes of stack and spills, a thread.`,
    'Kernels over unnamed functions of one place are one row with the largest figures.',
    '',
    '| kernel | target | registers | stack | spills |',
    '|---|---|---|---|---|',
    ...table(kernels)
  ]
  writeFileSync(join(root, 'native', 'cuda', 'RESOURCES.md'), `${lines.join('\n')}\n`)
}

if (hasNvcc('the CUDA library')) {
  const all = hasGpu() || process.argv.includes('--all') || process.argv.includes('--table')
  if (!all) console.log('no GPU is here: PTX for sm_80 and code for sm_90a only (--all builds what is shipped)')
  buildCuda(['gatecell_cuda'], [], all ? allTargets : provingTargets)
  const folder = join(root, 'build', 'Release')
  mkdirSync(folder, { recursive: true })
  copyFileSync(library, join(folder, 'gatecell_cuda.so'))
  const kernels = Object.values(knownKernels())
  if (kernels.length === 0) fail('Expected ptxas to report its kernels, found none: remove build/cuda and build again.')
  if (process.argv.includes('--table')) writeTable(kernels)
  const spilling = kernels.filter(({ symbol, spills }) => persistent.test(symbol) && spills > 0)
  if (spilling.length > 0) {
    const { symbol, target, spills } = spilling[0]
    fail(`Expected no spills in persistent kernels, found ${spills} bytes in ${symbol} for ${target}.`)
  }
  console.log(`CUDA library: ${join(folder, 'gatecell_cuda.so')}, ${kernels.length} kernels`)
}
