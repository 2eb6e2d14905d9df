// The examples of examples/serving: a fleet of servers with Redis and nginx, the unit of systemd, the server of one's own.

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import t from 'tap'
import { freePort } from '../../src/bench/load/redis-process.js'
import { main, root } from '../cli/command.js'
import { plainEnvironment } from '../compiled.js'
import { transpiled } from '../loader/transpile.mjs'
import { eventsOf, startServer, trainedModel, until } from './world.js'

const examples = join(root, 'examples', 'serving')
const folder = t.testdir()
const path = await trainedModel(folder)
const has = (command: string, ...words: string[]) => spawnSync(command, words).status === 0
const missing = [
  ...(has('redis-server', '--version') ? [] : ['redis-server']),
  ...(has('nginx', '-v') ? [] : ['nginx']),
  ...(has('curl', '--version') ? [] : ['curl']),
  ...(has('openssl', 'version') ? [] : ['openssl'])
]
const skip = missing.length > 0 && `no ${missing.join(', ')} on this machine (Debian: apt-get install redis-server nginx-light curl openssl)` // prettier-ignore

/** Runs a program and returns it with the lines that it prints; `end` ends it, and returns its exit code. */
function run(command: string, words: readonly string[], env: Record<string, string>) {
  const child = spawn(command, words, { cwd: folder, env: { ...plainEnvironment(), ...env }, stdio: ['ignore', 'pipe', 'inherit'] }) // prettier-ignore
  const lines: string[] = []
  createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const ended = once(child, 'exit') as Promise<[number | null]>
  const end = async () => {
    child.kill('SIGTERM')
    return (await ended)[0]
  }
  return { child, lines, end }
}

/** Returns a port after which four more are free. */
async function freePorts(): Promise<number> {
  for (;;) {
    const first = await freePort()
    const servers = [0, 1, 2, 3, 4].map((i) => createServer().listen(first + i, '127.0.0.1'))
    const listening = await Promise.allSettled(servers.map((server) => once(server, 'listening')))
    for (const server of servers) server.close()
    if (listening.every(({ status }) => status === 'fulfilled')) return first
  }
}

const post = (url: string, body: object, signal?: AbortSignal) =>
  fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    ...(signal && { signal })
  })

t.test('a fleet: servers, Redis and nginx', { skip }, async (t) => {
  const port = await freePorts()
  const env = { PORT: `${port}`, GATECELL: `${process.execPath} ${main}` }
  const fleet = run('bash', [join(examples, 'fleet.sh'), path, join(folder, 'fleet')], env)
  t.teardown(() => fleet.child.kill('SIGTERM'))
  const isUp = () => fleet.lines.at(-1)?.startsWith('fleet:') === true || fleet.child.exitCode !== null
  t.ok(await until(isUp, 600))
  t.equal(fleet.child.exitCode, null)
  const url = `http://127.0.0.1:${port}/v1`
  const processes = fleet.lines.flatMap((line) => /process (\d+)/.exec(line)?.slice(1) ?? []).map(Number)
  t.equal(processes.length, 3)

  const memory = await startServer({ models: [path] })
  t.teardown(() => memory.close())
  const begin = { prompt: 'the cell ', seed: 4 }
  const create = async (at: string) => ((await (await post(`${at}/sessions`, begin)).json()) as { id: string }).id
  const [session, reference] = [await create(url), await create(`${memory.url}/v1`)]
  const used = new Set<string>()
  const turn = async (stream: boolean) => {
    const body = { max_tokens: 20, temperature: 0.9, stream }
    const answer = await post(`${url}/sessions/${session}/completions`, body)
    t.equal(answer.status, 200)
    used.add(answer.headers.get('x-served-by')!)
    const text = eventsOf(stream ? await answer.text() : `data: ${await answer.text()}\n\n`)
      .filter((event) => event !== '[DONE]')
      .map(({ choices }) => choices[0].text as string)
      .join('')
    const same = await post(`${memory.url}/v1/sessions/${reference}/completions`, { ...body, stream: false })
    const { choices } = (await same.json()) as { choices: [{ text: string }] }
    t.equal(text, choices[0].text, 'the text that one server writes')
  }
  for (let i = 0; i < 6; i++) await turn(i % 2 === 0)
  t.equal(used.size, 3, 'every server continues the session')

  const leave = new AbortController()
  // More bytes than the sockets hold: this request ends only with its client, and is paused while the client does not read.
  const body = { prompt: 'the ', max_tokens: 60000, stream: true, logprobs: 5 }
  const long = await post(`${url}/completions`, body, leave.signal)
  const server = `http://${long.headers.get('x-served-by')}`
  const [first] = eventsOf(Buffer.from((await long.body!.getReader().read()).value).toString())
  t.match(first, { object: 'text_completion' }, 'events come while the text is written')
  const metrics = async () => (await fetch(`${server}/metrics`)).text()
  const isOpen = async () => /^gatecell_(requests_running|sessions_paused)\{.*\} 1$/m.test(await metrics())
  t.ok(await isOpen())
  leave.abort()
  t.ok(await until(async () => !(await isOpen()), 60), 'the request of a client that leaves the proxy ends')

  process.kill(processes[0]!, 'SIGKILL')
  const statuses: number[] = []
  for (let i = 0; i < 4; i++) statuses.push((await post(`${url}/completions`, { max_tokens: 2 })).status)
  t.strictSame(statuses, [200, 200, 200, 200], 'the others take over')
  for (let i = 0; i < 3; i++) await turn(true)
  t.equal((await fetch(`http://127.0.0.1:${port}/metrics`)).status, 404)
  t.equal(await fleet.end(), 0)
})

const systemd = has('systemd-analyze', '--version') ? false : 'no systemd-analyze on this machine'
t.test('the unit of systemd', { skip: systemd }, async (t) => {
  const unit = readFileSync(join(examples, 'gatecell.service'), 'utf8')
  // The program of the test instead of one that is not installed here.
  const file = join(folder, 'gatecell.service')
  writeFileSync(file, unit.replace('/usr/local/bin/gatecell', process.execPath))
  const { status, stdout, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
  t.equal(status, 0, `${stdout}${stderr}`)
  t.notMatch(stderr, /gatecell\.service/)
})

t.test('a server of one’s own with the plugin', async (t) => {
  // Inside the package, so that the program finds it under its own name.
  const cwd = join(t.testdirName, 'own')
  t.testdir()
  mkdirSync(cwd, { recursive: true })
  const file = join(cwd, 'own-server.mjs')
  writeFileSync(file, transpiled(join(examples, 'own-server.ts')))
  const own = run(process.execPath, [file, path, '0'], {})
  t.teardown(() => own.child.kill('SIGKILL'))
  t.ok(await until(() => own.lines.length > 0 || own.child.exitCode !== null, 600))
  const [url] = own.lines
  const page = await (await fetch(url!)).text()
  t.match(page, /^the .{50,}\n$/s)
  t.equal(await (await fetch(url!)).text(), page)
  t.match(await (await fetch(`${url}/lstm/v1/models`)).json(), { data: [{ id: 'story' }] })
  t.equal(await own.end(), 0)
})
