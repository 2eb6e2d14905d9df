// The launcher of this process, from the variables that it has set: Open MPI, MPICH, Slurm, torchrun.

/** A launcher, and the place of this process among those that it has started. */
export interface Launcher {
  /** Its name, for people. */
  readonly name: string
  /** The variable from which it was recognised. */
  readonly variable: string
  /** Number of processes. */
  readonly size: number
  readonly rank: number
  /** Number of processes on this machine; null if the launcher does not set it. */
  readonly localSize: number | null
  /** The MPI library that belongs to it; null if it works with several or, as torchrun, with none. */
  readonly mpi: 'openmpi' | 'mpich' | null
}

type Variables = Readonly<Record<string, string | undefined>>

/** The names of variables: number of processes, rank, number on this machine. */
interface Row extends Pick<Launcher, 'name' | 'mpi'> {
  readonly names: readonly [size: string, rank: string, localSize: string]
  /** A variable that is present, too. */
  readonly also?: string
}

const rows: readonly Row[] = [
  {
    name: "Open MPI's mpirun",
    names: ['OMPI_COMM_WORLD_SIZE', 'OMPI_COMM_WORLD_RANK', 'OMPI_COMM_WORLD_LOCAL_SIZE'],
    mpi: 'openmpi'
  },
  {
    name: "MPICH's mpiexec",
    names: ['PMI_SIZE', 'PMI_RANK', 'MPI_LOCALNRANKS'],
    mpi: 'mpich',
    also: 'MPI_LOCALNRANKS'
  },
  // A job script that srun has not started has the variables of its job, but not those of a step.
  {
    name: "Slurm's srun with PMIx",
    names: ['SLURM_STEP_NUM_TASKS', 'SLURM_PROCID', 'SLURM_STEP_TASKS_PER_NODE'],
    mpi: null,
    also: 'PMIX_RANK'
  },
  { name: "Slurm's srun", names: ['SLURM_STEP_NUM_TASKS', 'SLURM_PROCID', 'SLURM_STEP_TASKS_PER_NODE'], mpi: null },
  { name: 'a launcher with PMI', names: ['PMI_SIZE', 'PMI_RANK', ''], mpi: null },
  { name: 'torchrun', names: ['WORLD_SIZE', 'RANK', 'LOCAL_WORLD_SIZE'], mpi: null, also: 'MASTER_ADDR' }
]

/** Returns the launcher of a process with these variables; null if there is none. */
export function launcherOf(variables: Variables): Launcher | null {
  for (const { name, names, mpi, also } of rows) {
    const [size, rank] = [numberOf(variables[names[0]]), numberOf(variables[names[1]])]
    if (size === null || rank === null || rank >= size) continue
    if (also !== undefined && variables[also] === undefined) continue
    return { name, variable: names[0], size, rank, localSize: numberOf(variables[names[2]]), mpi }
  }
  return null
}

/** Returns a number that a launcher has set; null for other values, such as "4(x2)" of Slurm. */
function numberOf(text: string | undefined): number | null {
  return text !== undefined && /^\d{1,7}$/.test(text) ? Number(text) : null
}
