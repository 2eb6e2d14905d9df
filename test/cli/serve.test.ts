// gatecell serve as a user runs it: settings from three places, signals, and a model that is replaced.

import { copyFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { once } from 'node:events'
import t from 'tap'
import type { ChildProcess } from 'node:child_process'
import { eventsOf, trainedModel, until } from '../serve/world.js'
import { gatecell } from './command.js'
import { inProcess } from './in-process.js'

const folder = t.testdir()
const path = await trainedModel(folder)
const other = await trainedModel(folder, 'other', ['--seed', '5'])
writeFileSync(join(folder, 'token'), 'secret\n')

/** Runs the command, calls `use` when it listens, and ends it by SIGTERM. */
async function serving(
  words: string[],
  env: Record<string, string>,
  use: (url: string, child: ChildProcess, output: () => string) => Promise<void>
) {
  let used: Promise<void> | undefined
  let output = ''
  const ended = await gatecell(['serve', ...words], {
    cwd: folder,
    env,
    watch(child, stdout) {
      output = stdout
      const [, url] = /^serving {2}(http:\S+)\n/.exec(stdout) ?? []
      if (url !== undefined) used ??= use(url, child, () => output).finally(() => void child.kill('SIGTERM'))
    }
  })
  await used
  t.ok(used, ended.stderr)
  return ended
}

const complete = async (url: string, body: object, headers: Record<string, string> = {}) => {
  const own = { 'content-type': 'application/json', ...headers }
  return await fetch(`${url}/v1/completions`, { method: 'POST', headers: own, body: JSON.stringify(body) })
}

t.test('settings come from options, the environment and a file, and SIGTERM ends it well', async (t) => {
  const config = { models: [path], port: 0, maxTokens: 30, bodyLimit: 4096, tokenFile: 'token' }
  writeFileSync(join(folder, 'serve.json'), JSON.stringify(config))
  const words = ['--config', 'serve.json', '--max-tokens', '50']
  const env = { GATECELL_BODY_LIMIT: '2048', GATECELL_MAX_TOKENS: '40', GATECELL_LOG_LEVEL: 'debug' }
  const { code, stderr, stdout } = await serving(words, env, async (url) => {
    const headers = { authorization: 'Bearer secret' }
    t.equal((await complete(url, {})).status, 401)
    t.equal((await complete(url, { max_tokens: 50 }, headers)).status, 200, 'the option comes first')
    t.equal((await complete(url, { max_tokens: 51 }, headers)).status, 400)
    t.equal((await complete(url, { prompt: 'a'.repeat(2100) }, headers)).status, 413, 'then the variable')
    t.equal((await fetch(`${url}/readyz`)).status, 200)
  })
  t.equal(code, 0)
  t.match(stdout, /^serving {2}http:\/\/127\.0\.0\.1:\d+\n$/)
  t.match(stderr, /"level":30/)
  t.notMatch(stderr, /secret/)
})

t.test('SIGTERM ends a server with 100 streams, each with a reason', async (t) => {
  const words = [path, '--port', '0', '--log-level', 'silent', '--max-rows', '128', '--drain-time', '0.5s']
  let texts: string[] = []
  const { code } = await serving(words, {}, async (url, child) => {
    const streams = Array.from({ length: 100 }, (_, i) =>
      complete(url, { prompt: 'the ', seed: i, stream: true, max_tokens: i % 10 === 0 ? 5 : 60000 })
    )
    const reading = Promise.all((await Promise.all(streams)).map((response) => response.text()))
    child.kill('SIGTERM')
    texts = await reading
    // `serving` sends a signal too, and a second one ends a server at once.
    if (child.exitCode === null) await once(child, 'exit')
  })
  t.equal(code, 0)
  const ends = texts.map((text) => eventsOf(text).slice(-2))
  t.equal(ends.length, 100)
  const wrong = ends.filter(([before, last]) => {
    if (last === '[DONE]') return typeof before.choices[0].finish_reason !== 'string'
    return last?.error?.code !== 'ERR_ABORTED'
  })
  t.strictSame(wrong, [])
  t.ok(ends.some(([, last]) => last !== '[DONE]'))
})

t.test('SIGHUP replaces a model', async (t) => {
  const file = join(folder, 'served.safetensors')
  copyFileSync(path, file)
  const words = [`lstm=${file}`, '--port', '0', '--log-level', 'silent']
  const { code } = await serving(words, {}, async (url, child, output) => {
    const text = async () => {
      const answer = (await (
        await complete(url, { model: 'lstm', prompt: 'the ', max_tokens: 30, seed: 1 })
      ).json()) as {
        choices: [{ text: string }]
      }
      return answer.choices[0].text
    }
    const before = await text()
    copyFileSync(other, file)
    child.kill('SIGHUP')
    t.ok(await until(() => output().includes('model    lstm replaced')))
    t.not(await text(), before)
  })
  t.equal(code, 0)
})

t.test('command lines that are wrong', async (t) => {
  const refused = async (words: string[], code: number, message: RegExp) => {
    const ended = await inProcess(['serve', ...words], undefined, folder)
    t.equal(ended.code, code, words.join(' '))
    t.match(ended.stderr, message)
  }
  await refused([], 2, /at least one model/)
  await refused(['none.safetensors', '--port', '0'], 1, /ERR_FILE_NOT_FOUND/)
  await refused(['tiny.safetensors', '--port', '70000'], 2, /--port/)
  await refused(['tiny.safetensors', '--config', 'none.json'], 1, /ERR_FILE_NOT_FOUND/)
  writeFileSync(join(folder, 'wrong.json'), '{"maxRows": 0}')
  await refused(['tiny.safetensors', '--config', 'wrong.json'], 1, /maxRows/)
  writeFileSync(join(folder, 'unknown.json'), '{"rows": 1}')
  await refused(['tiny.safetensors', '--config', 'unknown.json'], 1, /"rows"/)
})
