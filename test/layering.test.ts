// House rules of ARCHITECTURE.md, checked by reading import and #include lines: which folder may use which.
// The table of folders in ARCHITECTURE.md is the rule for src, and the tables below are the rule for C++.
import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

// Packages that `import 'gatecell'` must not load: imported at the top of a file only in cli, elsewhere on use.
const heavy = ['commander', 'cli-progress', 'vega', 'tinyglobby', 'fastify', 'prom-client', 'ioredis']

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
  ['native/text', ['native/text', 'native/core', abi], noNode],
  ['native/ranks', ['native/ranks', 'native/core', abi], noNode],
  [
    'native/cuda',
    ['native/cuda', 'native/cuda/kernels', 'native/cuda/emulator', 'native/core', 'native/kernels/shared', abi],
    /^(?!napi|node_api)/
  ],
  ['native/cuda/kernels', ['native/cuda', 'native/cuda/kernels', 'native/core', abi], /^(?!napi|node_api)/],
  ['native/cuda/emulator', ['native/cuda', 'native/cuda/emulator'], /^(?!napi|node_api|cuda)/],
  ['native/kernels', ['native/kernels'], plain],
  ['native/kernels/shared', [], plain]
]
for (const isa of ['scalar', 'avx2', 'avx512', 'avx512bf16', 'avx512vnni', 'neon', 'neondot', 'neoni8mm', 'neonbf16']) {
  const own = `native/kernels/${isa}`
  const vectors = /^avx512./.test(isa) ? ['native/kernels/avx512'] : /^neon./.test(isa) ? ['native/kernels/neon'] : []
  includes.push([
    own,
    [own, ...vectors, 'native/kernels/shared', 'native/kernels'],
    /^(immintrin|arm_neon|stddef|stdint)\.h$/
  ])
}

// Headers of the core other than those without state, which the device library may include.
const stateful = /core\/(?!(philox|wide|mixture|guard|reduction|map_program|rearrange|take|batches)\.h)/

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const list = (folder: string, pattern: RegExp): string[] =>
  readdirSync(join(root, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => relative(root, join(entry.parentPath, entry.name)))
const read = (file: string): string => readFileSync(join(root, file), 'utf8')
const sources = list('src', /\.c?ts$/)
const cpp = [...list('native', /\.(h|cc|cu|inl)$/), ...list('bindings', /\.(h|cc)$/)]

/** Folder or file of src that an import counts for: `graph` for src/graph/plan.ts, `model` for src/model.ts. */
const partOf = (file: string): string => file.split('/')[1]!.replace(/(-cjs)?\.c?[jt]s$/, '')
/** Parts that every other part may use, next to those in its row of the table. */
const everybody = ['errors', 'check', 'random', 'here']

/** Imports and re-exports of a file; `types`: of types only, which no program loads. */
function importsOf(file: string): { how: string; path: string; types: boolean }[] {
  const found = read(file).matchAll(/(?:^(import|export) type .*?)?(\bfrom |\bimport\(|^import )'([^']+)'/gm)
  return [...found].map(([, types, how, path]) => ({ how: how!, path: path!, types: types !== undefined }))
}

/** The files of src that each file of src imports. */
const importsWithin = new Map(
  sources.map((file) => [
    file,
    importsOf(file)
      .filter(({ path }) => path.startsWith('.'))
      .map(({ path }) => join(dirname(file), path).replace(/\.js$/, '.ts'))
  ])
)

/** The parts that each part of src uses, without those that everybody may use. */
function usedParts(): Map<string, Set<string>> {
  const used = new Map<string, Set<string>>()
  for (const [file, imports] of importsWithin) {
    const part = partOf(file)
    if (!used.has(part)) used.set(part, new Set())
    for (const target of imports.map(partOf)) if (target !== part) used.get(part)!.add(target)
  }
  return used
}

/** The circles of a graph, as its strongly connected components of more than one node (Tarjan 1972). */
function circles(edges: ReadonlyMap<string, Iterable<string>>): string[][] {
  const [order, low, stack, found] = [
    new Map<string, number>(),
    new Map<string, number>(),
    [] as string[],
    [] as string[][]
  ]
  const visit = (node: string): void => {
    order.set(node, order.size)
    low.set(node, order.get(node)!)
    stack.push(node)
    for (const next of edges.get(node) ?? []) {
      if (!order.has(next)) visit(next)
      if (stack.includes(next)) low.set(node, Math.min(low.get(node)!, low.get(next)!))
    }
    if (low.get(node) !== order.get(node)) return
    const circle = stack.splice(stack.indexOf(node))
    if (circle.length > 1) found.push(circle.sort())
  }
  for (const node of edges.keys()) if (!order.has(node)) visit(node)
  return found
}

t.test('the table of ARCHITECTURE.md is what src imports', async (t) => {
  const used = usedParts()
  const rows = [...read('ARCHITECTURE.md').matchAll(/^\| (`src\/.*?`) \| .* \| (.*?) \|$/gm)]
  const names = (cell: string): string[] =>
    [...cell.matchAll(/`(?:src\/)?([\w-]+)(?:\.ts)?`/g)].map(([, name]) => name!)
  const table = new Map(
    rows.flatMap(([, parts, may]) => names(parts!).map((part) => [part, names(may!).sort()] as const))
  )
  for (const [part, parts] of [...used].sort()) {
    const uses = [...parts].filter((one) => !everybody.includes(one)).sort()
    t.comment(`${part} uses ${uses.join(', ') || 'nothing'}`)
    if (!everybody.includes(part) && part !== 'index') t.strictSame(table.get(part), uses, `src/${part} in the table`)
  }
  t.strictSame(
    [...table.keys()].filter((part) => !used.has(part)),
    [],
    'every row is a part of src'
  )
  t.strictSame(circles(used), [], 'no circles between parts')
})

t.test('no file of src imports itself through others', async (t) => {
  t.strictSame(circles(importsWithin), [])
})

t.test('heavy packages are loaded on use, and only one file loads the addon', async (t) => {
  for (const file of sources) {
    const part = partOf(file)
    for (const { how, path, types } of importsOf(file)) {
      if (part !== 'cli' && how !== 'import(' && !types)
        t.notOk(heavy.includes(path), `${file} loads ${path} on use only`)
    }
    if (part !== 'native') t.notMatch(read(file), /\.node['"`]|node-gyp-build/, `${file} does not load the addon`)
  }
})

t.test('includes of C++ run one way', async (t) => {
  // native/cuda/test is a mirror, as test/native is: it may look at everything.
  for (const file of cpp.filter((file) => !file.startsWith('native/cuda/test/'))) {
    const rule = includes.find(([folder]) => folder === dirname(file))
    t.ok(rule, `${file} lies in a folder that the table knows`)
    // The device library includes only those headers of the core that have no state.
    if (file.startsWith('native/cuda/')) {
      t.notMatch(read(file), stateful, `${file} includes only headers without state`)
    }
    for (const [, mark, path] of read(file).matchAll(/^\s*#\s*include\s+(["<])([^">]+)/gm)) {
      const folder = path!.startsWith('gatecell/') ? abi : dirname(join(dirname(file), path!))
      const allowed = mark === '<' ? rule?.[2].test(path!) : rule?.[1].includes(folder)
      t.ok(allowed, `${file} may include ${path}`)
    }
  }
})
