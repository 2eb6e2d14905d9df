// Lets Node.js run the TypeScript of this repository: package.json has tap import this file before each test.

import { register } from 'node:module'

register(new URL('./hooks.mjs', import.meta.url))
