// node build/dev.ts [ROOT]: watches the sources. On each save: format and lint of the file, the tests of that file and of what imports it, types, import arrows.
// Tests that start the built plugins take longer, and run only where they lie beside what was saved; `make affected` has all of them.

import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, watch } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type AffectedTest, affectedTests } from './affected/affected.ts'
import { readGraph } from './affected/graph.ts'

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url))
const watched = ['src', 'test', 'native', 'build', 'e2e', 'bench'].filter((folder) => existsSync(join(root, folder)))
/** An editor writes a file in several steps, and saves several files at once. */
const quietMs = 150

const changed = new Set<string>()
let timer: NodeJS.Timeout | undefined
let running: ChildProcess | undefined
/** Counts up with each save, so that a run which is not the newest stops. */
let newest = 0

for (const folder of watched) {
  watch(join(root, folder), { recursive: true }, (_event, name) => {
    if (!name || !/\.(ts|js|json|c|h|sh)$/.test(name)) return
    changed.add(`${folder}/${name}`)
    clearTimeout(timer)
    timer = setTimeout(() => void check(++newest), quietMs)
  })
}
console.log(`watching ${watched.join(' ')}: save a file`)

/** What was saved stays in `changed` until a run has come to its end without a failure. */
async function check(current: number): Promise<void> {
  if (running?.pid !== undefined) process.kill(-running.pid, 'SIGKILL')
  const files = [...changed].filter((file) => existsSync(join(root, file)))
  console.log(`\n${files.join(' ')}`)
  const all = affectedTests(readGraph(root), [...changed])
  const tests = all.filter((test) => isNear(test, files))
  const vitest = ['node_modules/.bin/vitest', 'run', '--reporter=dot', ...tests.map(({ file }) => file)]
  const results = [
    await step(current, 'format, lint', 'node_modules/.bin/biome', 'check', '--error-on-warnings', '--no-errors-on-unmatched', ...files),
    !tests.some(({ plugins }) => plugins) || (await step(current, 'build', 'sh', 'build/plugins.sh')),
    tests.length === 0 || (await step(current, `${tests.length} test files`, process.execPath, ...vitest)),
    await step(current, 'types', 'sh', 'build/typecheck.sh'),
    await step(current, 'import arrows', process.execPath, 'build/arrows.ts'),
  ]
  if (current !== newest) return
  if (all.length > tests.length) console.log(`${all.length - tests.length} more test files by make affected RUN=1`)
  if (results.every(Boolean)) changed.clear()
}

function isNear({ file, plugins }: AffectedTest, saved: readonly string[]): boolean {
  return !plugins || saved.includes(file) || saved.some((path) => dirname(path) === dirname(file))
}

/** Its output is shown only where it fails. False where it fails, or where something newer was saved. */
function step(current: number, title: string, file: string, ...args: string[]): Promise<boolean> {
  if (current !== newest) return Promise.resolve(false)
  const started = performance.now()
  return new Promise((done) => {
    // A process group of its own: vitest has workers.
    const child = spawn(file, args, { cwd: root, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    running = child
    let output = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (part) => (output += part))
    child.on('close', (status) => {
      running = undefined
      if (current !== newest) return done(false)
      console.log(`${status === 0 ? 'ok    ' : 'FAILED'} ${title} (${((performance.now() - started) / 1000).toFixed(1)} s)`)
      if (status !== 0) console.log(output)
      done(status === 0)
    })
  })
}
