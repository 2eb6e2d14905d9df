// The long tests: everything `npm test` runs with GATECELL_TEST_ALL=1, the native tests with their long cases, also under the address sanitizer,
// the CUDA tests in both orders of the emulated device, and a million files for each parser of bytes.
import { run, runTool } from './lib.mjs'

runTool('tap', process.argv.slice(2), { env: { ...process.env, GATECELL_TEST_ALL: '1' } })
run(process.execPath, ['scripts/test-native.mjs', '--all'])
run(process.execPath, ['scripts/test-native.mjs', '--all', '--sanitize', 'address,undefined'])
run(process.execPath, ['scripts/test-cuda.mjs', '--all'])
run(process.execPath, ['--import=./test/loader/register.mjs', 'test/fuzz/main.ts', '--runs', '1000000'])
