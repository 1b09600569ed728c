// node build/affected/main.ts [--base REF] [--run]: the tests that the change since REF (main) needs, not yet committed files included, and the command that
// runs them; with --run it runs them.

import { spawnSync } from 'node:child_process'
import { relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { affectedTests } from './affected.ts'
import { readGraph } from './graph.ts'

const { values } = parseArgs({
  options: {
    base: { type: 'string', default: 'main' },
    run: { type: 'boolean', default: false },
    root: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
  },
})
const { root } = values

function git(...args: string[]): string[] {
  const { status, stdout } = spawnSync('git', args, { cwd: root, encoding: 'utf8' })
  if (status !== 0) {
    console.error(`affected: git ${args.join(' ')} failed: is ${values.base} a commit here? BASE=REF names another one`)
    process.exit(2)
  }
  return stdout.split('\n').filter(Boolean)
}

const [base = ''] = git('merge-base', values.base, 'HEAD')
const changed = [...git('diff', '--name-only', base), ...git('ls-files', '--others', '--exclude-standard')]
const tests = affectedTests(readGraph(root), changed)
const files = tests.map(({ file }) => file)
const build = tests.some(({ plugins }) => plugins) ? ['make build'] : []
const run = `${relative(root, process.execPath)} node_modules/.bin/vitest run ${files.join(' ')}`

console.log(`${changed.length} files changed since ${base.slice(0, 10)}: ${files.length} test files`)
if (files.length > 0) console.log([...files, '', ...build, run].join('\n'))
if (changed.some((file) => /^(src|native|helm|e2e)\//.test(file) && !file.endsWith('.test.ts'))) console.log('in a cluster: make e2e')
if (values.run && files.length > 0)
  process.exitCode = spawnSync('sh', ['-ec', [...build, run].join('\n')], { cwd: root, stdio: 'inherit' }).status ?? 1
