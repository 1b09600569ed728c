// node build/scaffold/main.ts NAME [ROOT]: a new plugin in this tree that builds, passes `make check` and its own tests: src/plugin/plugins/NAME, its test,
// docs/plugins/NAME.md, and its lines in the program. What it does is an example: replace it.

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { changedFiles, nameProblem, ownFiles, pluginNames } from './files.ts'

const [name = '', root = fileURLToPath(new URL('../..', import.meta.url))] = process.argv.slice(2)

const problem = nameProblem(name, pluginNames(root))
if (problem !== undefined) stop(`${problem}: make plugin NAME=my-plugin`)
const own = ownFiles(name)
for (const { path } of own) if (existsSync(join(root, path))) stop(`${path} is there already`)

const written = [...own, ...changedFiles(root, name)]
for (const { path, text } of written) {
  mkdirSync(dirname(join(root, path)), { recursive: true })
  writeFileSync(join(root, path), text)
  console.log(path)
}
// The order of imports and the length of lines depend on the name.
const sources = written.map(({ path }) => path).filter((path) => path.endsWith('.ts'))
execFileSync('node_modules/.bin/biome', ['check', '--write', '--log-level=error', ...sources], {
  cwd: root,
  stdio: ['ignore', 'ignore', 'inherit'],
})
console.log(
  `\nmake build && make affected RUN=1   # dist/cni/${name}, and its tests\ndocs/write-a-plugin.md has what the functions get and return.`,
)

function stop(reason: string): never {
  console.error(`scaffold: ${reason}`)
  process.exit(2)
}
