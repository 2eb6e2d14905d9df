// Names that a user or a file chooses look up what was defined under them, and never what every object inherits; values that
// are nested deeply, and lists too long to be arguments, give typed errors or results.

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { largest, smallest } from '../../../src/data/extremes.js'
import { readInk } from '../../../src/data/ink/read.js'
import { defineModel, f32, type ModelDefinition } from '../../../src/model.js'
import { linear } from '../../../src/layers/linear.js'
import { meanSquare } from '../../../src/graph/ops/index.js'
import { parseFilter } from '../../../src/data/ink/filter.js'
import { inkOf, inkSamples } from '../../ink-samples.js'

const folder = t.testdir({})
const inherited = [...Object.getOwnPropertyNames(Object.prototype), 'length', 'name', 'prototype']

t.test('conditions on fields that no sample has', async (t) => {
  const ink = inkOf(inkSamples(1)[0]!)
  for (const name of inherited.filter((name) => !name.includes(':'))) {
    t.equal(parseFilter(`${name}=a`)(ink), false, name)
    t.equal(parseFilter(`${name}:1=a`)(ink), false, name)
  }
})

t.test('models whose inputs are called as what objects inherit', async (t) => {
  for (const name of inherited.filter((name) => name !== '__proto__')) {
    const definition: ModelDefinition = {
      name: 'names',
      config: {},
      inputs: { [name]: f32('batch', 3) },
      targets: { target: f32('batch', 3) },
      forward: (inputs) => ({ y: linear(inputs[name]!, { name: 'layer', size: 3 }) }),
      loss: ({ y }, { target }) => meanSquare(y!, target!)
    }
    using model = defineModel(definition)
    t.equal(model.plan({ batch: 2 }).inputs[name]!.length, 6, name)
    const refused = (outputs: string[], message: RegExp) =>
      t.throws(
        () => model.plan({ batch: 2 }, { purpose: 'predict', outputs }),
        { code: 'ERR_INVALID_ARGUMENT', message },
        name
      )
    refused([name], /Expected outputs or a loss that an op computes but received only inputs/)
    for (const other of inherited) if (other !== name) refused([other], /Expected the name of a tensor of the graph: /)
    t.throws(() => model.plan({ batch: 2 }).runSync(name as 'forward'), {
      code: 'ERR_INVALID_ARGUMENT',
      message: /as mode/
    })
  }
})

t.test('ink nested deeply', async (t) => {
  const deep = '['.repeat(100_000) + ']'.repeat(100_000)
  const members = '{"a":'.repeat(50_000) + '1' + '}'.repeat(50_000)
  const texts = {
    coordinate: `{"strokes":[[[0,0],[${deep},1]]]}`,
    member: `{"strokes":[[[0,0],{"x":${members},"y":1}]]}`,
    stroke: `{"strokes":${deep}}`,
    offsets: `[[0,0,0],[${deep},1,1]]`,
    text: `{"strokes":[[[0,0],[1,1]]],"text":${members}}`,
    field: `{"strokes":[[[0,0],[1,1]]],"writer":${deep}}`,
    drawing: `{"drawing":[[${deep},[0,1]]]}`,
    groups: `<ink>${'<traceGroup>'.repeat(50_000)}${'</traceGroup>'.repeat(50_000)}</ink>`
  }
  for (const [name, text] of Object.entries(texts)) {
    const path = join(folder, `${name}.${name === 'groups' ? 'inkml' : 'json'}`)
    writeFileSync(path, text)
    const outcome = await readInk([path]).then(
      () => 'ink',
      (error: unknown) => (error as { code?: string }).code ?? String(error)
    )
    t.match(outcome, name === 'field' ? /^ink$/ : /^ERR_(INVALID_INK|FILE_FORMAT)$/, name)
  }
})

t.test('more elements than a call takes arguments', async (t) => {
  const sources = '<inkSource/>'.repeat(200_000)
  const channels = '<channel name="Z"/>'.repeat(200_000)
  const traces = '<trace contextRef="#c">1 2, 3 4</trace>'
  const documents = {
    sources: `<ink><definitions><context xml:id="c">${sources}</context></definitions>${traces}</ink>`,
    channels: `<ink><definitions><context xml:id="c"><traceFormat><channel name="X"/><channel name="Y"/><intermittentChannels>${channels}</intermittentChannels></traceFormat></context></definitions>${traces}</ink>`
  }
  for (const [name, text] of Object.entries(documents)) {
    writeFileSync(join(folder, `${name}.inkml`), text)
    const outcome = await readInk([join(folder, `${name}.inkml`)]).then(
      () => 'ink',
      (error: unknown) => (error as { code?: string }).code ?? String(error)
    )
    t.match(outcome, /^(ink|ERR_(INVALID_INK|FILE_FORMAT))$/, name)
  }
  const many = Float64Array.from({ length: 2 ** 20 }, (_, i) => Math.sin(i))
  t.ok(largest(many) > 0.99 && smallest(many) < -0.99)
})
