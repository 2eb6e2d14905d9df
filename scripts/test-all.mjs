// The long tests: everything `npm test` runs with GATECELL_TEST_ALL=1, then the native tests with their long cases.
import { run, runTool } from './lib.mjs'

runTool('tap', process.argv.slice(2), { env: { ...process.env, GATECELL_TEST_ALL: '1' } })
run(process.execPath, ['scripts/test-native.mjs', '--all'])
