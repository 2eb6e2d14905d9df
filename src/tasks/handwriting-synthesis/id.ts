// The names of the task, for its entry, which imports no code, and for its model files.

/** The name of the task on the command line and in model files. */
export const SYNTHESIS_TASK = 'handwriting-synthesis'

/** Names of the task in model files of older versions. */
export const FORMER_SYNTHESIS_TASKS: readonly string[] = ['handwriting']
