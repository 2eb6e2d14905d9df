// here.ts for the CommonJS build.
import { pathToFileURL } from 'node:url'

export const here = pathToFileURL(__filename).href
