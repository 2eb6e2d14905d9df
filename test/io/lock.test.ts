// Locks: one owner at a time; a lock whose owner has ended is free.

import { spawn } from 'node:child_process'
import * as fs from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { lockFile } from '../../src/io/lock.js'
import { ownProcess, stateOf, type ProcessIdentity } from '../../src/io/owner.js'
import { temporaryName } from '../../src/io/target.js'
import { rounds } from '../amounts.js'
import { compiledProgram } from '../compiled.js'

const child = compiledProgram('test/io/child')
const linux = process.platform === 'linux'
const self = ownProcess()
const ended = 2 ** 30 // beyond the process numbers of Linux

function write(lock: string, owner: Partial<ProcessIdentity> & { since?: string; id?: string }): void {
  const since = '2026-01-01T00:00:00.000Z'
  fs.writeFileSync(lock, JSON.stringify({ ...self, since, id: 'abcdefabcdef', ...owner }))
}

const refusal = (...words: (string | RegExp)[]) => ({
  code: 'ERR_BUSY',
  message: new RegExp(words.map((word) => (typeof word === 'string' ? word : word.source)).join('.*'))
})

t.test('one owner at a time, by any name of the file', async (t) => {
  const folder = t.testdir({ link: t.fixture('symlink', 'file'), inner: {} })
  const lock = lockFile(join(folder, 'file'))
  t.same(fs.readdirSync(folder), ['.file.lock', 'inner', 'link'])
  for (const name of ['file', 'link', 'inner/../file'])
    t.throws(
      () => lockFile(join(folder, name)),
      refusal('Expected no other writer of', `process ${process.pid} on ${self.host}`, 'since 20', 'wait for its end')
    )
  lockFile(join(folder, 'other')).release()
  lock.release()
  lock.release()
  t.same(fs.readdirSync(folder), ['inner', 'link'])
  lockFile(join(folder, 'link')).release()
  t.throws(() => lockFile(join(folder, 'missing', 'file')), { code: 'ERR_FILE_WRITE' })
  t.throws(() => lockFile('-'), { code: 'ERR_FILE_WRITE' })
})

t.test('a lock of a process that has ended is taken, one of another place is not', async (t) => {
  const folder = t.testdir({})
  const path = join(folder, 'file')
  const lock = join(folder, '.file.lock')
  const gone: Partial<ProcessIdentity>[] = [{ pid: ended }]
  if (linux) gone.push({ start: '1' }) // our number, of an earlier process
  for (const owner of gone) {
    write(lock, owner)
    lockFile(path).release()
    t.same(fs.readdirSync(folder), [])
  }
  const kept: [Partial<ProcessIdentity>, ReturnType<typeof refusal>][] = [
    [
      { pid: ended, host: 'elsewhere' },
      refusal(`process ${ended} on elsewhere`, 'since 2026-01-01', 'another host', 'remove', lock)
    ],
    [{ pid: ended, space: 'a container' }, refusal(`process ${ended}`, 'another container', 'remove', lock)],
    [{ pid: process.ppid, start: '' }, refusal(`process ${process.ppid}`, 'wait for its end')]
  ]
  for (const [owner, expected] of kept) {
    write(lock, owner)
    t.throws(() => lockFile(path), expected)
    t.same(fs.readdirSync(folder), ['.file.lock'])
  }
  for (const text of ['', '{"pid": 1', '{"pid": "x", "host": "y"}', '[]', ' '.repeat(5000)]) {
    fs.writeFileSync(lock, text)
    t.throws(() => lockFile(path), refusal('the lock', 'remove', lock), JSON.stringify(text.slice(0, 20)))
  }
  write(lock, { pid: ended, id: '../../../etc' })
  t.throws(() => lockFile(path), refusal('the lock', 'remove', lock), 'an id that is a path')
  write(lock, { pid: ended })
  write(`${lock}-after-abcdefabcdef`, { pid: ended })
  t.throws(() => lockFile(path), refusal('the lock', 'remove', lock), 'a ring of locks')
})

t.test('a lock that was removed by hand and taken by another process stays', async (t) => {
  const folder = t.testdir({})
  const lock = lockFile(join(folder, 'file'))
  fs.unlinkSync(join(folder, '.file.lock'))
  write(join(folder, '.file.lock'), { pid: process.ppid, start: '' })
  lock.release()
  t.same(fs.readdirSync(folder), ['.file.lock'])
})

t.test('drafts of killed processes are removed by the next process that locks the file', async (t) => {
  const folder = t.testdir({})
  const draft = (owner: Partial<ProcessIdentity>, file = 'file') =>
    `.${file}.lock-${temporaryName({ ...self, ...owner }, '0123456789ab')}`
  const kept = [draft({ pid: process.ppid, start: '' }), draft({ host: 'elsewhere' }), draft({ pid: ended }, 'other')]
  for (const name of [...kept, draft({ pid: ended }), '.file.lock-after-0123456789ab'])
    fs.writeFileSync(join(folder, name), '')
  lockFile(join(folder, 'file')).release()
  t.same(fs.readdirSync(folder).sort(), kept.sort())
})

t.test('a restart of the machine ends what ran before, but only outside of containers', async (t) => {
  const plain = { ...self, machine: 'm', space: 'boot-2 pid:[4026531836]' }
  const before = { ...plain, space: 'boot-1 pid:[4026531836]', pid: 1 }
  t.equal(stateOf(before, plain), 'gone')
  t.equal(stateOf({ ...before, machine: '' }, { ...plain, machine: '' }), 'elsewhere')
  t.equal(stateOf({ ...before, machine: 'n' }, plain), 'elsewhere')
  t.equal(stateOf({ ...before, host: 'other' }, plain), 'elsewhere')
  t.equal(stateOf({ ...before, space: 'boot-1 pid:[1]' }, plain), 'elsewhere')
  t.equal(stateOf(before, { ...plain, space: 'boot-2 pid:[1]' }), 'elsewhere')
  t.equal(stateOf({ ...before, space: '' }, plain), 'elsewhere')
})

t.test('many processes at once: one has the lock, and after a kill another one', async (t) => {
  const folder = t.testdir({})
  const path = join(folder, 'file')
  write(join(folder, '.file.lock'), { pid: ended })
  const start = () => {
    const running = spawn(process.execPath, [child, 'holdLock', path], { stdio: ['ignore', 'pipe', 'inherit'] })
    const said = new Promise<string>((resolve) => running.stdout.setEncoding('utf8').once('data', resolve))
    const exited = new Promise((resolve) => running.once('exit', resolve))
    return { running, said, exited }
  }
  const all = Array.from({ length: 6 }, start)
  const words = await Promise.all(all.map(({ said }) => said))
  t.same(words.filter((word) => word === 'locked').length, 1, words.join())
  t.same(words.filter((word) => word === 'ERR_BUSY').length, 5)
  const holder = all[words.indexOf('locked')]!
  t.throws(() => lockFile(path), refusal(`process ${holder.running.pid}`))
  holder.running.kill('SIGKILL')
  await Promise.all(all.map(({ exited }) => exited))
  lockFile(path).release()
  const next = start()
  t.equal(await next.said, 'locked')
  next.running.kill('SIGTERM') // the program exits in its handler, without a release
  await next.exited
  t.same(fs.readdirSync(folder), [], 'an exit releases')
})

t.test('processes that are killed at any time: one owner at a time, and no file stays', async (t) => {
  const folder = t.testdir({})
  const path = join(folder, 'file')
  const violations: string[] = []
  let locks = 0
  const start = () => {
    const running = spawn(process.execPath, [child, 'lockAgainAndAgain', path], {
      stdio: ['ignore', 'pipe', 'inherit']
    })
    running.stdout.setEncoding('utf8').on('data', (text: string) => {
      locks += text.split('+').length - 1
      if (/[^+]/.test(text)) violations.push(text)
    })
    return { running, exited: new Promise((resolve) => running.once('exit', resolve)) }
  }
  const all = Array.from({ length: 6 }, start)
  const kills = rounds(8, 12, 100)
  for (let round = 0; round < kills; round++) {
    const before = locks
    while (locks === before && violations.length === 0) await new Promise((resolve) => setTimeout(resolve, 1))
    await new Promise((resolve) => setTimeout(resolve, (round * 7) % 10))
    const place = round % all.length
    all[place]!.running.kill('SIGKILL')
    await all[place]!.exited
    all[place] = start()
  }
  for (const { running } of all) running.kill('SIGKILL')
  await Promise.all(all.map(({ exited }) => exited))
  t.same(violations, [])
  t.ok(locks >= kills, `${locks} locks taken`)
  fs.rmSync(`${path}.owner`, { force: true })
  lockFile(path).release()
  t.same(fs.readdirSync(folder), [])
})
