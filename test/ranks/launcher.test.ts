// The launcher of a process, from its variables, and the refusal of processes that cannot be joined.

import t from 'tap'
import { gatecell, story, tiny } from '../cli/command.js'
import { launcherOf } from '../../src/ranks/launcher.js'
import { launchers } from './launch.js'

t.test('the launcher is recognised by its variables', async (t) => {
  const open = { OMPI_COMM_WORLD_SIZE: '4', OMPI_COMM_WORLD_RANK: '1', OMPI_COMM_WORLD_LOCAL_SIZE: '2' }
  t.match(launcherOf(open), { size: 4, rank: 1, localSize: 2, mpi: 'openmpi' })
  t.match(launcherOf({ PMI_SIZE: '2', PMI_RANK: '0', MPI_LOCALNRANKS: '2' }), { size: 2, rank: 0, mpi: 'mpich' })
  t.match(launcherOf({ PMI_SIZE: '2', PMI_RANK: '1' }), { size: 2, rank: 1, mpi: null })
  const step = { SLURM_STEP_NUM_TASKS: '8', SLURM_PROCID: '3', SLURM_STEP_TASKS_PER_NODE: '4(x2)' }
  t.match(launcherOf(step), { name: "Slurm's srun", size: 8, rank: 3, localSize: null, mpi: null })
  t.match(launcherOf({ ...step, PMIX_RANK: '3' }), { name: "Slurm's srun with PMIx" })
  t.match(launcherOf({ WORLD_SIZE: '2', RANK: '0', MASTER_ADDR: 'a' }), { name: 'torchrun', size: 2 })
  t.match(launcherOf({ ...step, ...open }), { size: 4 }, 'mpirun within a step')
})

t.test('a job script, other programs and broken variables are no launcher', async (t) => {
  t.equal(launcherOf({}), null)
  t.equal(launcherOf({ SLURM_NTASKS: '8', SLURM_PROCID: '0', SLURM_JOB_ID: '1' }), null, 'a script of Slurm')
  t.equal(launcherOf({ RANK: '0', WORLD_SIZE: '2' }), null, 'no address of torchrun')
  t.equal(launcherOf({ PMI_SIZE: '2', PMI_RANK: '2' }), null)
  t.equal(launcherOf({ PMI_SIZE: '-2', PMI_RANK: 'x' }), null)
})

t.test('processes that cannot be joined train nothing', async (t) => {
  const cwd = t.testdir({ 'story.txt': story(8000) })
  const words = ['train', 'text', 'story.txt', '--out', 'never.safetensors', ...tiny]
  const torchrun = { RANK: '0', WORLD_SIZE: '2', MASTER_ADDR: 'localhost', GATECELL_MPI: 'no-such-library.so' }
  const lacking = await gatecell(words, { cwd, env: torchrun })
  t.equal(lacking.code, 1)
  t.match(lacking.stderr, /Expected an MPI library for the 2 processes that torchrun announces .*ERR_RANKS/s)
  t.match(lacking.stderr, /no-such-library\.so/)
  if (!launchers.some(({ name }) => name === 'MPICH')) return t.comment('MPICH is not installed')
  // MPICH without its launcher has one process, whatever the variables of another launcher announce.
  const env = { RANK: '0', WORLD_SIZE: '2', MASTER_ADDR: 'localhost', GATECELL_MPI: 'mpich' }
  const mismatch = await gatecell(words, { cwd, env })
  t.equal(mismatch.code, 1)
  t.match(mismatch.stderr, /Expected 2 processes, as the launcher announces, but \S*libmpi\S* has 1: .*ERR_RANKS/s)
  const wrong = { OMPI_COMM_WORLD_SIZE: '2', OMPI_COMM_WORLD_RANK: '0', GATECELL_MPI: 'mpich' }
  const other = await gatecell(words, { cwd, env: wrong })
  t.match(other.stderr, /MPICH.*but the processes were started by Open MPI's mpirun, which needs Open MPI/s)
  t.equal(other.code, 1)
})
