// Files of images with captions: every form, and records that cannot be used.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import t from 'tap'
import { readCaptions } from '../../../src/data/images/captions.js'

const folder = t.testdir({ images: { 'a.png': 'a', 'b.png': 'b', sub: { 'c.png': 'c' } } })
const images = join(folder, 'images')
let made = 0
/** Writes a file of captions and returns its path. */
function write(content: string, extension = 'ndjson'): string {
  const path = join(folder, `captions-${made++}.${extension}`)
  writeFileSync(path, extension.endsWith('.gz') ? gzipSync(content) : content)
  return path
}
const read = async (content: string, extension?: string) => {
  const found = await readCaptions(write(content, extension), { images: [images] })
  return found.map(({ path, captions, part }) => [path.slice(images.length + 1), captions, part])
}

t.test('forms of the file', async (t) => {
  const same = [
    ['a.png', ['a cat', 'the cat'], null],
    ['sub/c.png', ['a dog'], null]
  ]
  const lines = [{ file: 'a.png', caption: 'a cat' }, { file: 'sub/c.png', captions: ['a dog'] }, { image: 'a.png', caption: ' the cat ' }] // prettier-ignore
  const ndjson = lines.map((line) => JSON.stringify(line)).join('\n')
  t.same(await read(`${ndjson}\n\n`), same, 'NDJSON')
  t.same(await read(ndjson, 'ndjson.gz'), same, 'gzip')
  t.same(await read(ndjson.replaceAll('\n', '\r\n')), same, 'lines of Windows')
  t.same(await read(JSON.stringify(lines)), same, 'a list')
  t.same(await read(JSON.stringify(lines, null, 2), 'json'), same, 'a list over several lines')
  t.same(await read('file,caption\na.png,a cat\nsub/c.png,a dog\n"a.png","the cat"\n', 'csv'), same, 'CSV')
  const coco = {
    info: { year: 2017 },
    images: [{ id: 7, file_name: 'a.png', width: 4 }, { id: 8, file_name: 'sub/c.png' }], // prettier-ignore
    annotations: [
      { image_id: 7, id: 1, caption: 'a cat' },
      { image_id: 8, id: 2, caption: 'a dog' },
      { image_id: 7, id: 3, caption: 'the cat' }
    ]
  }
  t.same(await read(JSON.stringify(coco), 'json'), same, 'COCO')
  t.same(await read(JSON.stringify(coco, null, 1), 'json'), same, 'COCO over several lines')
  t.same(await read(JSON.stringify(lines[0])), [['a.png', ['a cat'], null]], 'one record')
  const views = [
    ['a.png', ['a box'], 'valid'],
    ['b.png', ['a box'], 'valid']
  ]
  t.same(await read('{"images":["a.png","b.png"],"caption":"a box","split":"val"}'), views, 'several images')
})

t.test('records that cannot be used are errors with their place', async (t) => {
  const bad: [content: string, message: RegExp, extension?: string][] = [
    ['{"file":"a.png"}', /"caption" or "captions" in .*ndjson but received none/],
    ['{"caption":"x"}', /"file" or "image"/],
    ['{"file":"a.png","caption":"x"}\n{"file":"a.png","caption":" "}', /line 2 of .* an empty text/],
    ['{"file":"../a.png","caption":"x"}', /below the folder/],
    ['{"file":"sub/../../a.png","caption":"x"}', /below the folder/],
    ['{"file":"/etc/passwd","caption":"x"}', /below the folder/],
    ['{"file":"c:\\\\a.png","caption":"x"}', /below the folder/],
    ['{"file":"a.png","caption":"x","split":"dev"}', /train, valid, val or test/],
    ['{"file":"a.png","caption":"x","split":"constructor"}', /train, valid, val or test/],
    ['{"file":"a.png","caption":"x","split":"train"}\n{"file":"./sub/../a.png","caption":"x"}', /below the folder/],
    ['{"file":"a.png","caption":"x","split":"train"}\n{"file":".//a.png","caption":"x"}', /the part train for a\.png/],
    ['{"file":"a.png","caption":"x"}\n{"file":"b.png","caption":', /line 2/],
    ['{"file":"a.png","file":"b.png","caption":"x"}', /file/],
    ['{"file":"a.png","caption":"x","split":"test"}\n{"file":"a.png","caption":"y"}', /the part test for a\.png/],
    [`{"file":"a.png","caption":"${'x'.repeat(10_001)}"}`, /10001 characters/],
    ['[1]', /record 1 of/],
    [
      '{"images":[],"annotations":[{"image_id":1,"caption":"x"}]}',
      /annotation 1 of .* the file but received 1|id of an image/
    ],
    ['{"images":{},"annotations":[]}', /a list "images"/],
    ['name,caption\na.png,x\n', /columns "file" and "caption"/, 'csv'],
    ['file,caption\na.png\n', /2 cells/, 'csv'],
    ['file,caption\na.png,\n', /line 2 of .* an empty text/, 'csv']
  ]
  for (const [content, message, extension] of bad)
    await t.rejects(read(content, extension), { code: 'ERR_FILE_FORMAT', message }, content.slice(0, 60))
  for (const nothing of ['', ' \n', '[]']) await t.rejects(read(nothing), { code: 'ERR_CORPUS_EMPTY' })
  const missing = { code: 'ERR_FILE_NOT_FOUND', message: /the image z\.png of line 1/ }
  await t.rejects(read('{"file":"z.png","caption":"x"}\n{"file":"a.png","caption":"x"}'), missing)
  mkdirSync(join(images, 'd.png'))
  await t.rejects(read('{"file":"d.png","caption":"x"}'), { code: 'ERR_FILE_NOT_FOUND' })
  const signal = AbortSignal.abort()
  await t.rejects(readCaptions(write('{"file":"a.png","caption":"x"}'), { images: [images], signal }), {
    code: 'ERR_ABORTED'
  })
})
