// The place and version of this package, found without the code of the engine.

import { existsSync, readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { here } from './here.js'

/** The folder of the package, and its version. */
export interface PackagePlace {
  readonly root: string
  readonly version: string
}

/** Returns the folder and version of the package that holds this file; null if there is no package.json of gatecell above it. */
export function findPackage(): PackagePlace | null {
  for (let root = dirname(fileURLToPath(here)); ; root = dirname(root)) {
    const file = join(root, 'package.json')
    const found = existsSync(file)
      ? (JSON.parse(readFileSync(file, 'utf8')) as { name?: string; version?: string })
      : {}
    if (found.name === 'gatecell' && found.version !== undefined) return { root, version: found.version }
    if (dirname(root) === root) return null
  }
}
