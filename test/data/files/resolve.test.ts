// Paths and patterns become the same list of files each time; files that are left out are reported.
import { spawnSync } from 'node:child_process'
import { chdir, cwd } from 'node:process'
import { join } from 'node:path'
import t from 'tap'
import { resolveFiles, type SkipReason } from '../../../src/data/files/resolve.js'

const posix = process.platform !== 'win32'

async function resolve(
  inputs: string[]
): Promise<{ paths: string[]; named: boolean[]; skipped: [string, SkipReason][] }> {
  const skipped: [string, SkipReason][] = []
  const files = await resolveFiles(inputs, (path, reason) => skipped.push([path, reason]))
  return { paths: files.map((file) => file.path), named: files.map((file) => file.named), skipped: skipped.sort() }
}

t.test('files, folders and patterns, in order', { skip: !posix }, async (t) => {
  const folder = t.testdir({
    'b.txt': 'b',
    'a.txt': 'a',
    'z.md': 'z',
    deep: { 'c.txt': 'c', er: { 'd.txt': 'd' }, '.hidden': { 'x.txt': 'x' } },
    '.secret.txt': 's',
    link: t.fixture('symlink', 'deep'),
    'a[1].txt': 'brackets'
  })
  const at = (...names: string[]): string[] => names.map((name) => join(folder, name))
  const whole = await resolve([folder])
  t.strictSame(whole.paths, at('a.txt', 'a[1].txt', 'b.txt', 'deep/c.txt', 'deep/er/d.txt', 'z.md'))
  t.ok(whole.named.every((named) => !named))
  const [hidden, secret, link] = at('deep/.hidden', '.secret.txt', 'link')
  t.strictSame(
    whole.skipped,
    [
      [hidden, 'hidden'],
      [secret, 'hidden'],
      [link, 'link']
    ].sort()
  )
  const two = await resolve(at('z.md', 'deep', 'a.txt', 'z.md'))
  t.strictSame(two.paths, at('z.md', 'deep/c.txt', 'deep/er/d.txt', 'a.txt'))
  t.strictSame(two.named, [true, false, false, true])
  t.strictSame(two.skipped.at(-1), [join(folder, 'z.md'), 'duplicate'])
  t.strictSame((await resolve(at('**/*.txt'))).paths, at('a.txt', 'a[1].txt', 'b.txt', 'deep/c.txt', 'deep/er/d.txt'))
  t.strictSame((await resolve(at('{b,z}.*'))).paths, at('b.txt', 'z.md'))
  t.strictSame((await resolve(at('a[1].txt'))).paths, at('a[1].txt'), 'a name that exists is no pattern')
  t.strictSame((await resolve(at('link/c.txt', 'deep/c.txt'))).paths, at('link/c.txt'), 'the same file by another name')
  const before = cwd()
  chdir(folder)
  t.strictSame((await resolve(['deep', '*.md', './b.txt'])).paths, ['deep/c.txt', 'deep/er/d.txt', 'z.md', './b.txt'])
  chdir(before)
})

t.test('node_modules is left out unless it is named', { skip: !posix }, async (t) => {
  const packages = () => ({ p: { 'index.txt': 'p' } })
  const folder = t.testdir({ 'a.txt': 'a', node_modules: packages(), deep: { node_modules: packages(), 'b.txt': 'b' } })
  const at = (...names: string[]): string[] => names.map((name) => join(folder, name))
  const found = await resolve([folder])
  t.strictSame(found.paths, at('a.txt', 'deep/b.txt'))
  t.strictSame(
    found.skipped,
    at('deep/node_modules', 'node_modules').map((path) => [path, 'dependencies'])
  )
  t.strictSame((await resolve(at('**/*.txt'))).paths, at('a.txt', 'deep/b.txt'))
  t.strictSame((await resolve(at('node_modules'))).paths, at('node_modules/p/index.txt'))
  t.strictSame((await resolve(at('node_modules/**/*.txt'))).paths, at('node_modules/p/index.txt'))
})

t.test('what is not there', async (t) => {
  const folder = t.testdir({ empty: {}, hidden: { '.a': '' } })
  for (const name of ['missing', 'empty', 'hidden', '*.txt', 'missing/**']) {
    await t.rejects(resolveFiles([join(folder, name)]), {
      code: 'ERR_FILE_NOT_FOUND',
      message: new RegExp(`Expected.*${folder}`)
    })
  }
  if (posix) await t.rejects(resolveFiles(['/dev/null']), { code: 'ERR_FILE_NOT_FOUND' })
})

t.test('standard input and pipes are streams', { skip: !posix }, async (t) => {
  const folder = t.testdir({})
  const pipe = join(folder, 'pipe')
  t.equal(spawnSync('mkfifo', [pipe]).status, 0)
  const files = await resolveFiles(['-', pipe, '-'])
  t.strictSame(
    files.map(({ path, stream }) => [path, stream]),
    [
      ['-', true],
      [pipe, true]
    ]
  )
  const walked = await resolve([folder]).catch((error: unknown) => error)
  t.match(walked, { code: 'ERR_FILE_NOT_FOUND' }, 'a pipe in a folder is left out')
})
