// How much of a test with any number of rounds runs: some in `npm test`, more in `.ci/run` (which sets CI), most in `npm run test:all`
// (which sets GATECELL_TEST_ALL).

const { CI, GATECELL_TEST_ALL } = process.env

/** Whether the long tests run, too. */
export const long = GATECELL_TEST_ALL === '1'
const ci = CI !== undefined && CI !== '' && CI !== 'false'

/** Returns the number of rounds: `usual` in `npm test`, `inCi` in `.ci/run`, and `all` in `npm run test:all`; default of `all`: as `inCi`. */
export function rounds(usual: number, inCi: number, all = inCi): number {
  if (long) return all
  return ci ? inCi : usual
}
