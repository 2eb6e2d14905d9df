// The descriptions of the commands, for their own help and for the list of commands, which does not import their code.

/** Descriptions of the commands that are not verbs of a task, by name. */
export const descriptions = {
  train: 'Trains a network; one command for each task.',
  evaluate: 'Measures a model on data.',
  trace: 'Shows a network at work.',
  serve: 'Serves models over HTTP: completions, sessions, and a route for each verb.',
  schema: 'Prints the settings of all tasks and verbs as JSON Schema.',
  inspect: 'Lists the tensors, configuration and progress of a model file. Reads only the header.',
  run: 'Runs an ONNX model on arrays of NumPy.',
  import: 'Makes a text model from a state_dict of PyTorch.',
  export: 'Writes the weights of a model for PyTorch, ONNX or NumPy.',
  doctor: 'Reports version, instruction set, threads, limits, memory and backends, and tries the engine.',
  bench: 'Measures the engine on this machine, and the machine itself.',
  tour: 'Shows gatecell at work in two minutes: learns the alphabet, then real text, then writes.'
} as const
