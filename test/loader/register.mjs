// Lets Node.js run the TypeScript of this repository: package.json has tap import this file before each test.

import { register } from 'node:module'
import processOnSpawn from 'process-on-spawn'

register(new URL('./hooks.mjs', import.meta.url))

// tap has every process that a test starts load its hooks, to know which files it used, and so each start takes several times as long.
// Processes of tests are to be as those of a user.
processOnSpawn.removeAllListeners()
