// Makes the API reference in build/docs: one page for each entry of the package, pages for its names below it. A warning is an error:
// a type that a public name refers to and that no entry exports, a link that leads nowhere. `npm run docs` calls it.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Application, Converter } from 'typedoc'
import { fail, root } from './lib.mjs'

const { tshy } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))
const entries = Object.entries(tshy.exports).filter(([, file]) => file.endsWith('.ts'))

// Types that the compiler infers from declarations; the reference shows what they amount to.
const inferred = [
  ...[
    'devices',
    'modes',
    'optimizers',
    'GeneratingPlan',
    'TrieNode',
    'StreamState',
    'SettingSpec',
    'Values',
    'Given',
    'TensorSpec',
    'ViewOf',
    'src/io/safetensors/dtypes.ts:WritableTensor'
  ],
  ...['recognitionNetworkSettings', 'synthesisNetworkSettings', 'textNetworkSettings'],
  ...['textSplitSettings', 'textTrainingSettings', 'InkSettings'],
  ...['forecastNetworkSettings', 'forecastTableSettings', 'outputNames', 'transformNames'],
  ...['musicNetworkSettings', 'numbersNetworkSettings', 'translationNetworkSettings', 'translationTrainingSettings'],
  ...['captionsNetworkSettings', 'captionsTrainingSettings', 'captionSetSettings', 'imageSettings'],
  ...['sentenceSettings', 'symbolSettings', 'src/settings/group.ts:Group'],
  ...['src/tasks/numbers/families.ts:definitions', 'src/metrics/translation/tokenizers.ts:tokenizers']
]

// Parts of a training from files that the command line uses; programs get them, but never make them.
const ofTheCommandLine = ['Samples', 'RunLog', 'InitialWeights', 'Training', 'SavedRun', 'CheckpointFile']

const app = await Application.bootstrap({
  entryPoints: entries.map(([, file]) => join(root, file)),
  tsconfig: join(root, 'tsconfig.docs.json'),
  out: join(root, 'build', 'docs'),
  name: 'gatecell',
  readme: 'none',
  excludeInternal: true,
  excludePrivate: true,
  excludeExternals: true,
  disableGit: true,
  sourceLinkTemplate: '{path}#L{line}',
  intentionallyNotExported: [...inferred, ...ofTheCommandLine],
  validation: { notExported: true, invalidLink: true, notDocumented: false }
})
app.converter.on(Converter.EVENT_RESOLVE_BEGIN, ({ project }) => {
  for (const module of project.children ?? []) {
    const file = module.sources?.[0]?.fullFileName
    const entry = entries.find(([, path]) => join(root, path) === file)
    if (!entry) fail(`Expected an entry of the package as ${module.name}, found ${file}.`)
    module.name = `gatecell${entry[0].slice(1)}`
  }
})
const project = await app.convert()
if (project) app.validate(project)
if (!project || app.logger.hasErrors() || app.logger.hasWarnings())
  fail('Expected a reference without warnings: correct the lines above.')
await app.generateOutputs(project)
if (app.logger.hasErrors() || app.logger.hasWarnings())
  fail('Expected a reference without warnings: correct the lines above.')
