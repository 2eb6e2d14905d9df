// Makes the package gatecell-cuda in prebuilds-cuda/: the CUDA library for this platform and nothing else. A package of its own,
// because it is several times the size of everything else and of use only with a GPU; src/native.ts finds it by name.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { buildCuda, hasNvcc, library } from './cuda-lib.mjs'
import { root } from './lib.mjs'

if (hasNvcc('the package gatecell-cuda')) {
  buildCuda(['gatecell_cuda'])
  const { version, license, author } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
  const folder = join(root, 'prebuilds-cuda')
  const platform = `${process.platform}-${process.arch}`
  mkdirSync(join(folder, platform), { recursive: true })
  copyFileSync(library, join(folder, platform, 'gatecell_cuda.so'))
  copyFileSync(join(root, 'LICENSE'), join(folder, 'LICENSE'))
  const manifest = {
    name: 'gatecell-cuda',
    version,
    description: 'The CUDA library of gatecell: install it beside gatecell on a machine with an NVIDIA GPU',
    license,
    author,
    os: [process.platform],
    cpu: [process.arch],
    files: [platform],
    peerDependencies: { gatecell: version }
  }
  writeFileSync(join(folder, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`)
  console.log(`gatecell-cuda ${version} for ${platform}: ${folder} (npm publish ./prebuilds-cuda)`)
}
