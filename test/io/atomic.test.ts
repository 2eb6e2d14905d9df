// Atomic writes: the old file or the whole new one, whatever fails and whenever the process dies; nothing is left over.
import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { ownProcess } from '../../src/io/owner.js'
import { temporaryName, writeError } from '../../src/io/target.js'
import {
  assertOutputs,
  assertWritable,
  writeAtomically,
  writeAtomicallySync,
  writeTextAtomically,
  type AtomicFile,
  type FileCalls
} from '../../src/io/atomic.js'
import { compiledProgram } from '../compiled.js'
import { prlimit, runWithLimit } from './limited.js'

const child = compiledProgram('test/io/child')
const posix = process.platform !== 'win32'
const root = process.getuid?.() === 0
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
const read = (path: string): string => fs.readFileSync(path, 'utf8')
const unwritable = { code: 'ERR_FILE_WRITE' }

async function writeParts(file: { write: AtomicFile['write'] }): Promise<void> {
  await file.write(bytes('one '))
  await file.write(bytes('two '))
  await file.write(bytes('O'), 0)
  await file.write(bytes('three'))
}

t.test('appends, patches, replaces; both ways', async (t) => {
  const folder = t.testdir({ old: 'old' })
  await writeAtomically(join(folder, 'new'), writeParts)
  await writeAtomically(join(folder, 'old'), writeParts)
  writeAtomicallySync(join(folder, 'sync'), (file) => {
    file.write(bytes('one '))
    file.write(bytes('O'), 0)
    file.write(bytes('two'))
  })
  await writeTextAtomically(join(folder, 'text'), 'é\n')
  t.equal(read(join(folder, 'new')), 'One two three')
  t.equal(read(join(folder, 'old')), 'One two three')
  t.equal(read(join(folder, 'sync')), 'One two')
  t.equal(read(join(folder, 'text')), 'é\n')
  t.strictSame(fs.readdirSync(folder).sort(), ['new', 'old', 'sync', 'text'])
})

t.test('keeps permission bits and follows links', { skip: !posix }, async (t) => {
  const folder = t.testdir({ file: 'old', other: { target: 'old' }, link: t.fixture('symlink', 'other/target') })
  fs.chmodSync(join(folder, 'file'), 0o640)
  await writeTextAtomically(join(folder, 'file'), 'new')
  t.equal(fs.statSync(join(folder, 'file')).mode & 0o777, 0o640)
  fs.chmodSync(join(folder, 'file'), 0o600)
  writeAtomicallySync(join(folder, 'file'), (file) => file.write(bytes('newer')))
  t.equal(fs.statSync(join(folder, 'file')).mode & 0o777, 0o600)
  await writeTextAtomically(join(folder, 'link'), 'new')
  t.ok(fs.lstatSync(join(folder, 'link')).isSymbolicLink())
  t.equal(read(join(folder, 'other/target')), 'new')
})

t.test('follows links whose target does not exist yet', { skip: !posix }, async (t) => {
  const writers: [string, (path: string) => Promise<void>][] = [
    ['writeTextAtomically', (path) => writeTextAtomically(path, 'new')],
    ['writeAtomicallySync', async (path) => writeAtomicallySync(path, (file) => file.write(bytes('new')))]
  ]
  for (const [name, write] of writers) {
    const folder = t.testdir({
      near: t.fixture('symlink', 'later'),
      far: t.fixture('symlink', 'step'),
      step: t.fixture('symlink', 'there/../up'),
      there: t.fixture('symlink', 'inner/deep'),
      inner: { deep: {} },
      lost: t.fixture('symlink', 'missing/file'),
      loop: t.fixture('symlink', 'loop')
    })
    await assertWritable(join(folder, 'near'))
    await write(join(folder, 'near'))
    t.equal(read(join(folder, 'later')), 'new', name)
    await write(join(folder, 'far'))
    t.equal(
      read(join(folder, 'inner', 'up')),
      'new',
      `${name}: ".." is the folder above the one that the link leads to`
    )
    for (const link of ['near', 'far', 'step']) t.ok(fs.lstatSync(join(folder, link)).isSymbolicLink(), link)
    for (const link of ['lost', 'loop']) await t.rejects(write(join(folder, link)), unwritable, link)
    t.ok(fs.lstatSync(join(folder, 'lost')).isSymbolicLink())
  }
})

t.test('- is no file name', async (t) => {
  for (const path of ['-', '']) {
    const refusal = { ...unwritable, message: /Expected the name of a file to write to but received "-?": name a file/ }
    await t.rejects(assertWritable(path), refusal)
    await t.rejects(writeTextAtomically(path, 'x'), refusal)
    t.throws(() => writeAtomicallySync(path, (file) => file.write(bytes('x'))), refusal)
  }
  const folder = t.testdir()
  await writeTextAtomically(`${folder}/-`, 'x')
  t.strictSame(fs.readdirSync(folder), ['-'], 'with its folder it is one')
})

t.test('refuses folders, devices and missing folders, before and at the write', async (t) => {
  const folder = t.testdir({ inner: {}, file: '' })
  const bad = [join(folder, 'inner'), join(folder, 'missing', 'file'), join(folder, 'file', 'file')]
  if (posix) bad.push('/dev/null')
  for (const path of bad) {
    await t.rejects(assertWritable(path), unwritable, path)
    await t.rejects(writeTextAtomically(path, 'x'), unwritable, path)
    t.throws(() => writeAtomicallySync(path, (file) => file.write(bytes('x'))), unwritable, path)
  }
  if (posix) t.ok(fs.statSync('/dev/null').isCharacterDevice(), 'the device is still there')
  await assertWritable(join(folder, 'file'))
  await assertWritable(join(folder, 'new'))
  t.strictSame(fs.readdirSync(folder).sort(), ['file', 'inner'])
})

t.test('refuses without permission', { skip: !posix || root }, async (t) => {
  const folder = t.testdir({ file: 'old', closed: { file: 'old' } })
  fs.chmodSync(join(folder, 'file'), 0o444)
  fs.chmodSync(join(folder, 'closed'), 0o555)
  for (const path of [join(folder, 'file'), join(folder, 'closed', 'file'), join(folder, 'closed', 'new')]) {
    await t.rejects(assertWritable(path), unwritable, path)
    await t.rejects(writeTextAtomically(path, 'x'), { ...unwritable, message: /permission/ }, path)
    t.throws(() => writeAtomicallySync(path, (file) => file.write(bytes('x'))), unwritable, path)
  }
  fs.chmodSync(join(folder, 'closed'), 0o755)
})

t.test('what the callback throws comes through, and nothing changes', async (t) => {
  const folder = t.testdir({ file: 'old' })
  const error = new Error('mine')
  const path = join(folder, 'file')
  await t.rejects(
    writeAtomically(path, async (file) => {
      await file.write(bytes('new'))
      throw error
    }),
    error
  )
  t.throws(
    () =>
      writeAtomicallySync(path, (file) => {
        file.write(bytes('new'))
        throw error
      }),
    error
  )
  t.equal(read(path), 'old')
  t.strictSame(fs.readdirSync(folder), ['file'])
})

/** The file system, where call number `index` fails with `code`; 'short' writes one byte at a time instead. */
function failingCalls(index: number, code: string): { calls: FileCalls; made: () => number } {
  let number = 0
  const wrap = <T extends object>(object: T): T =>
    new Proxy(object, {
      get(target, name) {
        const value: unknown = Reflect.get(target, name)
        if (typeof value !== 'function' || name === 'close' || name === 'unlink') return bind(value, target)
        return async (...args: unknown[]) => {
          if (code === 'short' && name === 'write') args[2] = Math.min(1, args[2] as number)
          if (number++ === index && code !== 'short') throw Object.assign(new Error(code), { code })
          const result: unknown = await Reflect.apply(value, target, args)
          return name === 'open' ? wrap(result as object) : result
        }
      }
    })
  const bind = (value: unknown, target: object): unknown =>
    typeof value === 'function' ? (value.bind(target) as unknown) : value
  return { calls: wrap(fs.promises), made: () => number }
}

t.test('a failure of any call at all leaves the old file, or after the rename the new one', async (t) => {
  const folder = t.testdir({ file: 'old' })
  const path = join(folder, 'file')
  const { calls, made } = failingCalls(-1, '')
  await writeAtomically(path, writeParts, calls)
  const total = made()
  t.ok(total >= 12, `${total} calls`)
  for (const code of ['EIO', 'ENOSPC', 'EACCES']) {
    for (let index = 0; index < total; index++) {
      fs.writeFileSync(path, 'old')
      await t.rejects(
        writeAtomically(path, writeParts, failingCalls(index, code).calls),
        unwritable,
        `${code} ${index}`
      )
      const renamed = index >= total - 2
      t.equal(read(path), renamed ? 'One two three' : 'old')
      t.strictSame(fs.readdirSync(folder), ['file'])
    }
  }
  await writeAtomically(path, writeParts, failingCalls(0, 'short').calls)
  t.equal(read(path), 'One two three', 'short writes are finished')
})

t.test('a file that grows beyond what the system allows', { skip: !prlimit && 'no prlimit here' }, async (t) => {
  const folder = t.testdir({ file: 'old' })
  const path = join(folder, 'file')
  t.equal(await runWithLimit(100_000, child, 'writeTooMuch', path), 'ready\nERR_FILE_WRITE ERR_FILE_WRITE')
  t.equal(read(path), 'old')
  t.strictSame(fs.readdirSync(folder), ['file'])
})

t.test('temporary files of processes that have ended go, those of living ones and of elsewhere stay', async (t) => {
  const folder = t.testdir({ file: 'old' })
  const path = join(folder, 'file')
  const running = spawn(process.execPath, [child, 'beginToWrite', path], { stdio: ['ignore', 'pipe', 'inherit'] })
  await new Promise((resolve) => running.stdout.once('data', resolve))
  const temporary = fs.readdirSync(folder).find((name) => name.includes(`-${running.pid}-`))
  t.ok(temporary)
  const self = ownProcess()
  const name = (owner: Partial<typeof self>, unique: string) =>
    `.file.tmp-${temporaryName({ ...self, ...owner }, unique.padStart(12, '0'))}`
  const ended = 2 ** 30 // beyond the process numbers of Linux
  const gone = [name({ pid: ended }, 'a'), name({ space: 'another container', pid: ended }, 'b')]
  if (self.start !== '') gone.push(name({ start: '1' }, 'c'))
  const kept = [
    name({}, 'd'),
    name({ space: 'another container', pid: ended }, 'e'),
    name({ host: 'another host', pid: ended }, 'f'),
    '.file.tmp-x',
    '.file.tmp-1-x',
    '.other.tmp-1-00000000000c'
  ]
  for (const name of [...gone, ...kept]) fs.writeFileSync(join(folder, name), '')
  fs.utimesSync(join(folder, gone[1]!), 1, 1)
  await writeTextAtomically(path, 'new')
  const expected = [temporary!, ...kept, 'file'].sort()
  t.strictSame(
    fs.readdirSync(folder).sort(),
    expected,
    'an ended process, an earlier one with our number, and what nobody touched for a week'
  )
  const exited = new Promise((resolve) => running.once('exit', resolve))
  running.kill('SIGKILL')
  await exited
  t.equal(read(path), 'new')
  await writeTextAtomically(path, 'newer')
  t.strictSame(
    fs.readdirSync(folder).sort(),
    expected.filter((name) => name !== temporary)
  )
})

t.test('a failure of the system has one reason and one remedy', (t) => {
  for (const code of [
    'ENOSPC',
    'EACCES',
    'EROFS',
    'ENOENT',
    'ENOTDIR',
    'EISDIR',
    'EFBIG',
    'ENAMETOOLONG',
    'ELOOP',
    'EMFILE',
    'EIO',
    'EXYZ'
  ]) {
    const { message } = writeError('m.safetensors', Object.assign(new Error('refused'), { code }))
    t.match(message, /^Expected to write m\.safetensors but received E[A-Z]+, [^:]+: [^:]+\.$/, code)
  }
  t.end()
})

t.test('each output of a command has a file of its own', { skip: !posix }, async (t) => {
  const folder = t.testdir({ model: 'm', link: t.fixture('symlink', 'model'), next: t.fixture('symlink', 'new') })
  const [model, link, next, made] = ['model', 'link', 'next', 'new'].map((name) => join(folder, name))
  await assertOutputs([made!, undefined], [model!, undefined])
  await assertOutputs([made!, join(folder, 'other')], [])
  const cases: [outputs: string[], inputs: string[]][] = [
    [[made!, made!], []],
    [[made!, next!], []],
    [[model!], [model!]],
    [[link!], [model!]],
    [[`${folder}/./model`], [link!]]
  ]
  for (const [outputs, inputs] of cases)
    await t.rejects(assertOutputs(outputs, inputs), { code: 'ERR_INVALID_OPTION' }, outputs.join(' '))
  t.equal(read(model!), 'm')
})
