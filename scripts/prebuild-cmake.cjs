#!/usr/bin/env node
// prebuildify builds through node-gyp; this program replaces it and builds through cmake-js. prebuildify calls it in its
// working directory as `rebuild --target=<version> --devdir=... --arch=<arch> --release` and then takes the .node file
// in build/Release there. Node-API needs neither the version nor headers, so only the architecture is passed on.
'use strict'
const { spawnSync } = require('node:child_process')
const { dirname, join } = require('node:path')

const root = dirname(__dirname)
const arch = process.argv.find((word) => word.startsWith('--arch='))
const strict = process.env.CI ? ['--CDGATECELL_WERROR=ON'] : []
const words = ['rebuild', '--directory', root, '--out', join(process.cwd(), 'build'), '--parallel', '2', '-l', 'warn']
const result = spawnSync(
  process.execPath,
  [join(root, 'node_modules/cmake-js/bin/cmake-js'), ...words, ...strict, ...(arch ? [arch] : [])],
  { stdio: 'inherit' }
)
process.exit(result.status ?? 1)
