// The MPI library of this machine: which files are tried, in which order, and why one is refused. The package contains no MPI.

import { GatecellError, expected } from '../errors.js'
import { native } from '../native.js'
import type { MpiLibrary } from '../native-ranks.js'
import { callNative } from '../native-call.js'
import type { Launcher } from './launcher.js'

/** A library that was opened. */
export interface OpenedLibrary extends MpiLibrary {
  /** The name under which it was opened. */
  readonly path: string
}

/** The result of the search: the library or null, and each file that was tried before, with the reason for its refusal. */
export interface LibrarySearch {
  readonly found: OpenedLibrary | null
  readonly attempts: readonly { readonly file: string; readonly reason: string }[]
}

/** gc_mpi_kind. */
const kinds = { mpich: 1, openmpi: 2, abi: 3 } as const
const kindNames = { mpich: 'a library with the interface of MPICH', openmpi: 'Open MPI', abi: 'the MPI-5 interface' }

const files =
  process.platform === 'darwin'
    ? {
        openmpi: ['libmpi.40.dylib'],
        mpich: ['libmpi.12.dylib', 'libpmpi.12.dylib'],
        abi: ['libmpi_abi.1.dylib', 'libmpi_abi.0.dylib']
      }
    : {
        openmpi: ['libmpi.so.40'],
        mpich: ['libmpich.so.12', 'libmpi.so.12'],
        abi: ['libmpi_abi.so.1', 'libmpi_abi.so.0']
      }

/** Returns the files to try: those that `wanted` names (a kind or a path), else those of the launcher, else all. */
function candidates(launcher: Launcher | null, wanted: string | undefined): readonly string[] {
  if (wanted !== undefined) return Object.hasOwn(files, wanted) ? files[wanted as keyof typeof files] : [wanted]
  const { openmpi, mpich, abi } = files
  if (launcher?.mpi === 'mpich') return [...mpich, ...abi]
  if (launcher?.mpi === 'openmpi') return [...openmpi, ...abi]
  return launcher?.name.includes('PMIx') ? [...openmpi, ...mpich, ...abi] : [...mpich, ...openmpi, ...abi]
}

/**
 * Opens the MPI library for a launcher, which loads it into this process. `wanted`: 'openmpi', 'mpich', 'abi' or a path, which is then the only
 * one that is tried.
 */
export function findLibrary(launcher: Launcher | null, wanted: string | undefined): LibrarySearch {
  const attempts: { file: string; reason: string }[] = []
  for (const path of candidates(launcher, wanted)) {
    try {
      const found = { ...callNative(() => native().mpiOpen(path)), path }
      const misfit = misfitOf(launcher, found)
      if (misfit === null) return { found, attempts }
      attempts.push({ file: path, reason: misfit })
    } catch (error) {
      if (!(error instanceof GatecellError) || error.code !== 'ERR_UNSUPPORTED') throw error
      attempts.push({ file: path, reason: error.message })
    }
  }
  return { found: null, attempts }
}

/** Returns why a library cannot serve the processes of a launcher; null if it can. With the wrong one each process would train by itself. */
function misfitOf(launcher: Launcher | null, { kind, version }: MpiLibrary): string | null {
  const own = launcher?.mpi
  if (!own || kind === kinds[own] || kind === kinds.abi) return null
  return `it is "${version}", but the processes were started by ${launcher.name}, which needs ${kindNames[own]}`
}

/** Returns the error for a search that found no library. */
export function noLibrary(launcher: Launcher, { attempts }: LibrarySearch): GatecellError {
  const tried = attempts.map(({ file, reason }) => `\n  ${file}: ${reason}`).join('')
  const remedy =
    launcher.name === 'torchrun'
      ? 'start the processes with mpirun or srun, because torchrun has no MPI'
      : 'install the MPI library of that launcher, or name it in GATECELL_MPI'
  const found = `none that fits. Tried:${tried}`
  const wanted = `an MPI library for the ${launcher.size} processes that ${launcher.name} announces`
  return expected('ERR_RANKS', wanted, found, remedy)
}
