// The modules' tests as programs: a copy of the modules, changed and built, kept under ~/.cache/podwire for as long as what makes it stays the same.

import { execFileSync, spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { loosenMessages, reportFile, type Source, shareBus, standInForDummy, swapPlugin } from './edits.ts'
import { type Module, type Suite, suites } from './suites.ts'

const here = fileURLToPath(new URL('.', import.meta.url))

/** What the tests of Go need in their environment, at build time and, where they build something themselves, later. */
export const goEnvironment: Readonly<Record<string, string>> = {
  PATH: `${process.env.PATH ?? ''}:/usr/local/go/bin`,
  CGO_ENABLED: '0',
  GOFLAGS: '-trimpath -buildvcs=false',
}

export const goIsHere = (): boolean => spawnSync('go', ['version'], { env: { ...process.env, ...goEnvironment } }).status === 0

/** The folder of a package, in the tree. */
export const packageFolder = (tree: string, { module, folder }: Suite): string => join(tree, basename(module.path), folder)

/** The test program of a suite, in the tree. */
export const testProgram = (tree: string, { folder }: Suite): string => join(tree, 'programs', `${basename(folder)}.test`)

/** Makes the tree where it is not there yet; it is there complete or not at all. Returns its folder. */
export function prepareTree(lacking: ReadonlySet<string>): string {
  const withoutDummy = lacking.has('dummy')
  const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'podwire')
  const tree = join(cache, `upstream-tests-${treeKey()}${withoutDummy ? '-no-dummy' : ''}`)
  if (existsSync(tree)) return tree
  mkdirSync(cache, { recursive: true })
  const work = mkdtempSync(`${tree}.`)
  try {
    const modules = [...new Set(suites.map(({ module }) => module))]
    for (const module of modules) copyModule(work, module)
    for (const suite of suites) editPackage(work, suite, withoutDummy)
    for (const module of modules) buildTests(work, module)
    renameSync(work, tree)
  } finally {
    rmSync(work, { recursive: true, force: true })
  }
  return tree
}

function treeKey(): string {
  const hash = createHash('sha256')
  for (const file of ['go/call.go', 'go/match.go', 'go/report.go', 'edits.ts', 'suites.ts', 'tree.ts'])
    hash.update(readFileSync(join(here, file)))
  return hash.digest('hex').slice(0, 8)
}

function copyModule(work: string, { path, version }: Module): void {
  const { Dir } = JSON.parse(go(work, 'mod', 'download', '-json', `${path}@${version}`)) as { readonly Dir: string }
  const root = join(work, basename(path))
  cpSync(Dir, root, { recursive: true })
  // The module cache is read-only.
  execFileSync('chmod', ['-R', 'u+w', root])
  mkdirSync(join(root, 'pkg/podwire'))
  for (const file of ['call.go', 'match.go']) cpSync(join(here, 'go', file), join(root, 'pkg/podwire', file))
  // Where the tests of cnitool look for plugins.
  symlinkSync('/run/upstream/cni', join(root, 'bin'))
}

function editPackage(work: string, suite: Suite, withoutDummy: boolean): void {
  const root = packageFolder(work, suite)
  const sources = readdirSync(root, { withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map(({ name }): Source => ({ name, text: readFileSync(join(root, name), 'utf8') }))
  const { path } = suite.module
  const tests = sources
    .filter(({ name }) => name.endsWith('_test.go'))
    .map((source) => (withoutDummy ? standInForDummy(source) : source))
    .map((source) => (source.name === 'firewall_firewalld_test.go' ? shareBus(source, path) : source))
    .map((source) => loosenMessages(source, path))
  const report = reportFile(readFileSync(join(here, 'go/report.go'), 'utf8'), sources)
  const changed = [...tests, report, ...swapPlugin(suite.name, path, sources)]
  for (const { name, text } of changed) writeFileSync(join(root, name), text)
}

function buildTests(work: string, module: Module): void {
  const programs = join(work, 'programs')
  mkdirSync(programs, { recursive: true })
  const packages = suites.filter((suite) => suite.module === module).map(({ folder }) => `./${folder}`)
  go(join(work, basename(module.path)), 'test', '-c', '-vet=off', '-o', `${programs}/`, ...packages)
}

function go(cwd: string, ...args: string[]): string {
  return execFileSync('go', args, {
    cwd,
    env: { ...process.env, ...goEnvironment },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}
