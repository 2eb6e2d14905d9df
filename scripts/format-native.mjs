// Formats the C++ sources with clang-format (.clang-format); with --check only lists the files that are not formatted.
import { filesBelow, fail, hasCommand, run } from './lib.mjs'

if (!hasCommand('clang-format')) {
  fail('Expected clang-format on the PATH, found none: install it (Debian: apt-get install clang-format).')
}
const files = filesBelow(['native', 'bindings', 'test/native']).filter((file) => /\.(cc|cu|h|inl)$/.test(file))
run('clang-format', process.argv.includes('--check') ? ['--dry-run', '-Werror', ...files] : ['-i', ...files])
