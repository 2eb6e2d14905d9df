// Common functions of the scripts: the repository's root, running a command, and the newest change below some paths.
import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, statSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = dirname(dirname(fileURLToPath(import.meta.url)))

/** Runs a command with our streams; ends this process with its exit code if it fails. */
export const run = (command, args, options = {}) => {
  const result = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options })
  if (result.error) fail(`Expected to run ${command}, but ${result.error.message}.`)
  if (result.status !== 0) process.exit(result.status ?? 1)
}

/** Runs the program a dev dependency installs (node_modules/.bin). */
export const runTool = (name, args, options) => run(process.execPath, [join(root, toolFiles[name]), ...args], options)

const toolFiles = {
  'cmake-js': 'node_modules/cmake-js/bin/cmake-js',
  tshy: 'node_modules/tshy/dist/esm/index.js',
  tap: 'node_modules/tap/dist/esm/run.mjs'
}

export const fail = (message) => {
  console.error(message)
  process.exit(1)
}

export const hasCommand = (command) => !spawnSync(command, ['--version'], { stdio: 'ignore' }).error

/** Every file below the paths (files or folders, relative to the root). */
export const filesBelow = (paths) =>
  paths.flatMap((path) => {
    const full = join(root, path)
    if (!existsSync(full)) return []
    if (!statSync(full).isDirectory()) return [full]
    return readdirSync(full, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
  })

/** Time in ms of the newest change below the paths, 0 where nothing is. */
export const newestChange = (paths) => Math.max(0, ...filesBelow(paths).map((file) => statSync(file).mtimeMs))
