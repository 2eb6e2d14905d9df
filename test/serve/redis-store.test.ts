// The store of sessions in Redis against a real redis-server: leases, expiry, bounds, keys with other contents, and a server that goes away.

import { Redis } from 'ioredis'
import t from 'tap'
import { readRedisAddress } from '../../src/serve/redis-address.js'
import { lacksRedis, RedisProcess } from '../../src/bench/load/redis-process.js'
import type { RedisTimes } from '../../src/serve/redis-client.js'
import { redisSessions, type RedisStore } from '../../src/serve/redis-sessions.js'
import { until } from './world.js'

t.test('addresses', async (t) => {
  const read = (text: string, password?: string) => readRedisAddress(text, password)
  t.strictSame(read('redis://localhost'), { host: 'localhost', port: 6379, db: 0, tls: false })
  t.strictSame(read('redis://localhost:7/'), { host: 'localhost', port: 7, db: 0, tls: false })
  const whole = { host: '::1', port: 7, db: 12, tls: true, username: 'me@home', password: 'p/w' }
  t.strictSame(read('rediss://me%40home:p%2Fw@[::1]:7/12'), whole)
  t.equal(read('redis://:other@h', 'mine').password, 'mine')
  for (const text of [
    '',
    'localhost:6379',
    'http://h',
    'redis:h',
    'redis://',
    'redis://h/x',
    'redis://h/1/2',
    'redis://h?x=secret',
    'redis://%@h',
    'redis://secret:%@h'
  ])
    // prettier-ignore
    t.throws(
      () => read(text),
      { code: 'ERR_INVALID_ARGUMENT', message: /^Expected an address such as ((?!secret).)*$/ },
      text
    )
})

t.test('a store in Redis', { skip: lacksRedis() }, async (t) => {
  const redis = await RedisProcess.start(t.testdir())
  const raw = new Redis(redis.port).on('error', () => {})
  const stores: RedisStore[] = []
  let lines: string[] = []
  const open = async (more: { maxSessions?: number; sessionTime?: number } = {}, times: Partial<RedisTimes> = {}) => {
    const bounds = { maxSessions: 100, sessionTime: 60, ...more }
    const store = await redisSessions(readRedisAddress(redis.url), bounds, {
      retry: 50,
      command: 500,
      patience: 0,
      ...times
    })
    stores.push(store)
    const own: string[] = (lines = [])
    const note = (facts: object, message: string) => void own.push(`${message} ${JSON.stringify(facts)}`)
    await store.connect({ info: note, warn: note })
    return store
  }
  t.teardown(async () => {
    for (const store of stores) await store.close()
    raw.disconnect()
    await redis.kill()
  })
  t.beforeEach(async () => {
    await raw.flushall()
  })
  const bytes = (text: string) => Buffer.from(text)
  const text = (value: Uint8Array | null) => (value ? Buffer.from(value).toString() : null)

  await t.test('two processes see the same sessions', async (t) => {
    const [one, two] = [await open(), await open()]
    t.equal(await one.get('a'), null)
    const all = Buffer.from(Array.from({ length: 256 }, (_, i) => i))
    await one.add('a', all)
    t.equal(Buffer.compare((await two.get('a'))!, all), 0, 'any bytes')
    t.equal(await two.count(), 1)
    t.ok(one.reachable!() && two.reachable!())
    t.strictSame((await raw.keys('*')).sort(), ['gatecell:1:sessions', 'gatecell:1:value:a'])
    t.equal(await two.delete('a'), true)
    t.equal(await one.delete('a'), false)
    t.strictSame([await one.count(), await one.get('a')], [0, null])
    t.strictSame(await raw.keys('*'), [])
  })

  await t.test('one request at a time has a session', async (t) => {
    const [one, two] = [await open(), await open()]
    await one.add('a', bytes('1'))
    t.equal(await two.hold('b'), null)
    const held = (await one.hold('a'))!
    t.equal(text(held.value), '1')
    await t.rejects(two.hold('a'), { code: 'ERR_BUSY' })
    await t.rejects(one.hold('a'), { code: 'ERR_BUSY' })
    t.equal(text(await two.get('a')), '1', 'but it can be read')
    await held.put(bytes('2'))
    await t.rejects(two.hold('a'), { code: 'ERR_BUSY' })
    await held.release()
    await held.release()
    const next = (await two.hold('a'))!
    t.equal(text(next.value), '2')
    await held.release()
    await t.rejects(one.hold('a'), { code: 'ERR_BUSY' }, 'a late release does not end the lease of another one')
    await t.rejects(held.put(bytes('3')), { code: 'ERR_BUSY' }, 'and a late value is not written')
    await one.delete('a')
    await t.rejects(next.put(bytes('4')), { code: 'ERR_NOT_FOUND' }, 'nor that of a session that was deleted')
    await next.release()
    t.strictSame(await raw.keys('*'), [])
  })

  await t.test('a lease ends by itself, unless its process renews it', async (t) => {
    const [one, two] = [await open({}, { lease: 60_000, renew: 20 }), await open()]
    await one.add('a', bytes('1'))
    const held = (await one.hold('a'))!
    await raw.pexpire('gatecell:1:lease:a', 30_000)
    const renewed = async () => (await raw.pttl('gatecell:1:lease:a')) > 30_000
    t.ok(await until(renewed), 'it is renewed')
    await one.close()
    t.ok(await raw.pexpire('gatecell:1:lease:a', 10), 'the process has crashed, and time passes')
    t.ok(await until(async () => (await raw.exists('gatecell:1:lease:a')) === 0))
    const next = (await two.hold('a'))!
    t.equal(text(next.value), '1', 'another process gets the session')
    await t.rejects(held.put(bytes('3')), { code: 'ERR_UNAVAILABLE' })
    await next.put(bytes('4'))
    t.equal(text(await two.get('a')), '4')
  })

  await t.test('sessions expire, and count no more', async (t) => {
    const [long, short] = [await open({ maxSessions: 2 }), await open({ sessionTime: 0.1 })]
    await long.add('a', bytes('1'))
    await long.add('b', bytes('2'))
    await t.rejects(long.add('c', bytes('3')), { code: 'ERR_OVERLOADED' })
    await short.add('c', bytes('3'))
    t.ok(await until(async () => (await long.count()) === 2), 'one that has expired does not count')
    t.equal(await short.get('c'), null)
    await raw.pexpire('gatecell:1:value:a', 20_000)
    const held = (await short.hold('a'))!
    t.ok((await raw.pttl('gatecell:1:value:a')) > 20_000, 'one that is held lives as long as its lease')
    await held.put(bytes('4'))
    await held.release()
    await long.delete('b')
    t.ok(await until(async () => (await long.count()) === 0))
    t.strictSame(await raw.keys('*'), [], 'nothing is left, the index included')
  })

  await t.test('keys with other contents', async (t) => {
    const store = await open()
    await raw.rpush('gatecell:1:value:list', 'x')
    await raw.set('gatecell:1:value:large', Buffer.alloc(2 ** 20 + 1))
    const reason = { cause: { code: 'ERR_FILE_FORMAT', message: /another kind or size/ } }
    for (const id of ['list', 'large']) {
      await t.rejects(store.get(id), reason, id)
      await t.rejects(store.hold(id), reason, id)
    }
    t.equal(await store.delete('list'), true)
    await raw.set('gatecell:1:sessions', 'x')
    await t.rejects(store.add('a', bytes('1')), reason)
    t.equal(await raw.exists('gatecell:1:value:a'), 0)
  })

  await t.test('a server that goes away and comes back', async (t) => {
    const store = await open()
    await store.add('a', bytes('1'))
    const [held, left] = [(await store.hold('a'))!, (await store.add('b', bytes('2')), await store.hold('b'))!]
    await redis.kill()
    t.ok(await until(() => !store.reachable!(), 60))
    const all: Promise<unknown>[] = [store.get('a'), store.hold('a'), store.add('c', bytes('3')), store.delete('a')]
    for (const work of await Promise.allSettled([...all, held.put(bytes('3')), (async () => await store.count())()]))
      t.match(work, {
        status: 'rejected',
        reason: { code: 'ERR_UNAVAILABLE', message: /a store of sessions that answers/ }
      })
    await left.release()
    await redis.start()
    t.ok(await until(() => store.reachable!(), 60), 'it connects again by itself')
    await held.put(bytes('4'))
    await held.release()
    t.equal(text(await store.get('a')), '4')
    t.ok(await until(async () => (await raw.exists('gatecell:1:lease:b')) === 0), 'a lease that was left over ends')
    t.match(lines, [/does not answer \{"reason":"a closed connection"\}/, /answers again \{\}/])
  })

  await t.test('a server that does not answer', async (t) => {
    const store = await open({}, { command: 200 })
    t.ok(await until(() => store.reachable!(), 60))
    redis.pause()
    await t.rejects(store.get('a'), { code: 'ERR_UNAVAILABLE' })
    t.ok(await until(() => !store.reachable!(), 60), 'a connection without answers is closed')
    redis.resume()
    const answers = () => store.get('a').then(() => true, () => false) // prettier-ignore
    t.ok(await until(answers, 60))
  })

  await t.test('a session whose answer was lost is deleted', async (t) => {
    const store = await open({}, { command: 200, renew: 20 })
    await raw.config('RESETSTAT')
    redis.pause()
    await t.rejects(store.add('a', bytes('1')), { code: 'ERR_UNAVAILABLE' })
    // The server reads the command as soon as it continues.
    redis.resume()
    const calls = async (name: string) => new RegExp(`cmdstat_${name}:calls=[1-9]`).test(await raw.info('commandstats'))
    t.ok(await until(async () => (await calls('set')) && (await calls('del')), 60))
    t.ok(await until(async () => (await raw.exists('gatecell:1:value:a')) === 0, 60))
    t.equal(await store.count(), 0)
  })
})

t.test('passwords and databases', { skip: lacksRedis() }, async (t) => {
  await using redis = await RedisProcess.start(t.testdir(), ['--requirepass', 'secret'])
  const open = async (address: string, password?: string) => {
    const bounds = { maxSessions: 1, sessionTime: 60 }
    const store = await redisSessions(readRedisAddress(address, password), bounds)
    const log = () => {}
    return await store.connect({ info: log, warn: log }).then(
      async () => {
        await store.add('a', Buffer.from('1'))
        await store.close()
        return null
      },
      async (error: Error) => {
        await store.close()
        return error
      }
    )
  }
  const host = `127.0.0.1:${redis.port}`
  t.equal(await open(`redis://:secret@${host}`), null)
  t.equal(await open(`redis://default@${host}/3`, 'secret'), null)
  const refused = async (address: string, word: RegExp, password?: string) => {
    const error = await open(address, password)
    t.match(error, { code: 'ERR_UNAVAILABLE', message: word })
    t.notMatch(String(error?.message), /wrong|secret/)
  }
  await refused(`redis://${host}`, /NOAUTH/)
  await refused(`redis://:wrong@${host}`, /WRONGPASS/)
  await refused(`redis://wrong@${host}`, /WRONGPASS/, 'secret')
  await refused(`redis://${host}/99`, /ERR/, 'secret')
})
