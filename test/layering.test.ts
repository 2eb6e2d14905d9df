// Holds the house rules of ARCHITECTURE.md by reading import and #include lines: who may use whom, and how long a file
// may be. The tables are the rule.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

// A part of src may use the parts of lower levels. data and io are leaves, which know errors, checks and random numbers only.
const levels = [
  ['errors', 'here'],
  ['check'],
  ['random'],
  ['data', 'io', 'native'],
  ['plot', 'graph'],
  ['layers'],
  ['sample'],
  ['model-types'],
  ['model']
]
levels.push(['train'], ['tasks'], ['serve', 'bench'], ['cli', 'index'])
const leaves = ['data', 'io']
const leavesUse = ['errors', 'check', 'random']

// Packages that `import 'gatecell'` must not load: imported at the top of a file in cli alone, elsewhere on use.
const heavy = ['commander', 'cli-progress', 'vega', 'tinyglobby']

// Folder of C++: the folders whose files it may include, and the system headers.
const abi = 'native/include/gatecell'
const plain = /^std(def|int)\.h$/
const noNode = /^(?!immintrin|napi|node_api|cuda)/
const includes: [folder: string, folders: string[], system: RegExp][] = [
  ['bindings', ['bindings', abi], /^(?!immintrin|cuda)/],
  [abi, [abi], plain],
  ['native/floor', [], noNode],
  ['native/core', ['native/core', 'native/kernels', abi], noNode],
  ['native/ops', ['native/ops', 'native/core', 'native/kernels', abi], noNode],
  [
    'native/cuda',
    ['native/cuda', 'native/cuda/kernels', 'native/cuda/emulator', 'native/core', 'native/kernels/shared', abi],
    /^(?!napi|node_api)/
  ],
  ['native/cuda/kernels', ['native/cuda', 'native/cuda/kernels', 'native/core'], /^(?!napi|node_api)/],
  ['native/cuda/emulator', ['native/cuda', 'native/cuda/emulator'], /^(?!napi|node_api|cuda)/],
  ['native/kernels', [], plain],
  ['native/kernels/shared', [], plain]
]
for (const isa of ['scalar', 'avx2', 'avx512', 'avx512bf16', 'avx512vnni']) {
  const own = `native/kernels/${isa}`
  const vectors = /^avx512./.test(isa) ? ['native/kernels/avx512'] : []
  includes.push([own, [own, ...vectors, 'native/kernels/shared', 'native/kernels'], /^(immintrin|stddef|stdint)\.h$/])
}
const maximalLines = 400

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const list = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const sources = list('src', /\.c?ts$/)
const cpp = [...list('native', /\.(h|cc|cu|inl)$/), ...list('bindings', /\.(h|cc)$/)]

t.test('imports of src run one way', async (t) => {
  const partOf = (file: string): string => file.split('/')[1]!.replace(/(-cjs)?\.c?[jt]s$/, '')
  const levelOf = (part: string): number => levels.findIndex((parts) => parts.includes(part))
  for (const file of sources) {
    const part = partOf(file)
    t.ok(levelOf(part) >= 0, `${file} belongs to a part that the table knows`)
    const code = read(file).replace(/^import type .*$/gm, '')
    for (const [, how, path] of code.matchAll(/(\bfrom |\bimport\(|^import )'([^']+)'/gm)) {
      if (!path!.startsWith('.')) {
        t.notOk(part !== 'cli' && how !== 'import(' && heavy.includes(path!), `${file} loads ${path} on use only`)
        continue
      }
      const used = partOf(join(dirname(file), path!))
      const allowed = levelOf(used) < levelOf(part) && (!leaves.includes(part) || leavesUse.includes(used))
      t.ok(used === part || allowed, `${file} may import ${path}`)
    }
    if (part !== 'native') t.notMatch(read(file), /\.node['"`]|node-gyp-build/, `${file} does not load the addon`)
  }
})

t.test('includes of C++ run one way', async (t) => {
  // native/cuda/test is a mirror, as test/native is: it may look at everything.
  for (const file of cpp.filter((file) => !file.startsWith('native/cuda/test/'))) {
    const rule = includes.find(([folder]) => folder === dirname(file))
    t.ok(rule, `${file} lies in a folder that the table knows`)
    // Of the core the device knows what stands in headers without state.
    if (file.startsWith('native/cuda/')) {
      t.notMatch(read(file), /core\/(?!(philox|wide|mixture|guard)\.h)/, `${file} knows functions without state alone`)
    }
    for (const [, mark, path] of read(file).matchAll(/^\s*#\s*include\s+(["<])([^">]+)/gm)) {
      const folder = path!.startsWith('gatecell/') ? abi : dirname(join(dirname(file), path!))
      const allowed = mark === '<' ? rule?.[2].test(path!) : rule?.[1].includes(folder)
      t.ok(allowed, `${file} may include ${path}`)
    }
  }
})

t.test(`files end within ${maximalLines} lines`, async (t) => {
  const scripts = list('scripts', /\.[cm]?js$/)
  const tests = list('test', /\.(ts|cc)$/)
  for (const file of [...sources, ...cpp, ...scripts, ...tests]) {
    const lines = read(file).split('\n').length - 1
    if (lines > maximalLines) t.fail(`${file} has ${lines} lines`)
  }
  t.ok(sources.length > 0 && cpp.length > 0)
})
