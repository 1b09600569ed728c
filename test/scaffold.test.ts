// `make plugin`: what comes out builds, passes the checks and its own tests. In a copy of the tree.

import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, relative } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { root } from '../build/image/script.ts'
import { nameProblem, pluginNames } from '../build/scaffold/files.ts'
import { noHostReason } from './harness/netns.ts'

const left = ['node_modules', 'build/site/node_modules', 'dist', '.git']

function copyOfTheTree() {
  const copy = mkdtempSync(join(tmpdir(), 'podwire-scaffold-'))
  onTestFinished(() => rmSync(copy, { recursive: true }))
  cpSync(root, copy, { recursive: true, filter: (path) => !left.includes(relative(root, path)) })
  symlinkSync(join(root, 'node_modules'), join(copy, 'node_modules'))
  const run = (file: string, ...args: string[]) => {
    const { status, stdout, stderr } = spawnSync(file, args, { cwd: copy, encoding: 'utf8' })
    return { status, output: status === 0 ? '' : stdout + stderr }
  }
  return { copy, run }
}

const passed = { status: 0, output: '' }

describe('make plugin', () => {
  it('makes a plugin that passes the checks, is built and passes its tests, when the name is free', { timeout: 300_000 }, () => {
    const { copy, run } = copyOfTheTree()
    const node = (...args: string[]) => run(process.execPath, ...args)
    expect(node('build/scaffold/main.ts', 'set-alias', copy)).toEqual(passed)
    expect(pluginNames(copy)).toContain('set-alias')
    expect(existsSync(join(copy, 'docs/plugins/set-alias.md'))).toBe(true)
    expect(run('node_modules/.bin/biome', 'check', '--error-on-warnings', 'src', 'docs')).toEqual(passed)
    expect(run('sh', 'build/typecheck.sh')).toEqual(passed)
    expect(node('build/arrows.ts')).toEqual(passed)
    expect(run('sh', 'build/plugins.sh')).toEqual(passed)
    expect(spawnSync(join(copy, 'dist/cni/set-alias'), { encoding: 'utf8', env: {} }).stderr).toContain('CNI set-alias plugin')
    if (noHostReason === undefined) expect(node('node_modules/.bin/vitest', 'run', 'src/plugin/plugins/set-alias')).toEqual(passed)
    expect(node('build/scaffold/main.ts', 'set-alias', copy)).toEqual({
      status: 2,
      output: 'scaffold: set-alias is a plugin already: make plugin NAME=my-plugin\n',
    })
  })

  it.each(['', 'Bad', 'a_b', '../x', '-a', 'a-', 'bridge'])('rejects the name %j', (name) => {
    expect(nameProblem(name, ['bridge'])).toContain(name)
  })
})
