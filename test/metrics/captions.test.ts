// Measures of captions against the golden values of make_cider.py.
import { readFileSync } from 'node:fs'
import t from 'tap'
import { ciderD, tokenizeCaption, type CaptionPair } from '../../src/metrics/captions/cider.js'

const golden = JSON.parse(readFileSync(new URL('../golden/cider.json', import.meta.url), 'utf8')) as {
  cases: CaptionPair[]
  score: number
}[]

t.test('CIDEr-D is that of the golden file', async (t) => {
  for (const { cases, score } of golden) t.ok(Math.abs(ciderD(cases) - score) < 1e-9, `${ciderD(cases)} ${score}`)
  t.ok(golden.filter(({ score }) => score > 0).length > 20)
})

t.test('bounds and errors', async (t) => {
  const cats = [['a', 'cat', 'on', 'a', 'box']]
  const dogs = [['two', 'dogs', 'in', 'the', 'sun']]
  const same = [
    { caption: cats[0]!, references: cats },
    { caption: dogs[0]!, references: dogs }
  ]
  t.ok(Math.abs(ciderD(same) - 10) < 1e-12, 'a caption that is its reference gives 10')
  t.equal(ciderD([{ caption: dogs[0]!, references: cats }, same[1]!]), 5, 'another caption gives 0')
  t.equal(ciderD([{ caption: [], references: cats }]), 0)
  t.throws(() => ciderD([]), { code: 'ERR_CORPUS_EMPTY' })
  t.throws(() => ciderD([{ caption: [], references: [] }]), { code: 'ERR_INVALID_ARGUMENT' })
})

t.test('words', async (t) => {
  t.same(tokenizeCaption("A man's well-known cat, asleep... (2 of 3)!"), ['a', "man's", 'well-known', 'cat', 'asleep', '2', 'of', '3']) // prettier-ignore
  t.same(tokenizeCaption('Été à Paris'), ['été', 'à', 'paris'])
  t.same(tokenizeCaption('?'), [])
})
