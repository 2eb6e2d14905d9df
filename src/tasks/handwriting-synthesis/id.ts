// The names of the task, for its entry, which imports no code, and for its model files.

/** The name of the task on the command line and in model files. */
export const GENERATION_TASK = 'handwriting-synthesis'

/** Names of the task in model files of older versions. */
export const FORMER_GENERATION_TASKS: readonly string[] = ['handwriting']
