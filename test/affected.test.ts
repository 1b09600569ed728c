// Which tests a change needs: by the imports, by the files that strings name, and by the plugins that a test calls.

import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { describe, expect, it, onTestFinished } from 'vitest'
import { affectedTests, isTest } from '../build/affected/affected.ts'
import { readGraph } from '../build/affected/graph.ts'
import { root } from '../build/image/script.ts'

const graph = readGraph(root)
const affected = (...changed: string[]) => affectedTests(graph, changed).map(({ file }) => file)

describe('the tests that a change needs', () => {
  it('are a test itself when it changed', () => {
    expect(affected('src/net/mac.test.ts')[0]).toBe('src/net/mac.test.ts')
    expect(affected('src/net/mac.test.ts').filter((file) => file.startsWith('src/'))).toEqual(['src/net/mac.test.ts'])
  })

  it('begin with those that import what changed', () => {
    expect(affectedTests(graph, ['src/plugin/plugins/sbr/plan.ts'])[0]).toEqual({
      file: 'src/plugin/plugins/sbr/plan.test.ts',
      distance: 1,
      plugins: false,
    })
  })

  it('are those that call a plugin, and not those that call others, when only that plugin has the changed file', () => {
    const needed = affected('src/plugin/plugins/sbr/plan.ts')
    expect(needed).toEqual(expect.arrayContaining(['src/plugin/plugins/sbr/sbr.netns.test.ts', 'test/clients/takeover.netns.test.ts']))
    expect(needed).not.toContain('src/plugin/plugins/bandwidth/bandwidth.netns.test.ts')
    expect(needed.length).toBeLessThan(20)
  })

  it('are the tests of nodes and of the agent when what `podwire node apply` does changes', () => {
    const needed = affected('src/node/apply.ts')
    expect(needed).toEqual(expect.arrayContaining(['src/node/apply.netns.test.ts', 'test/agent/on-a-node.netns.test.ts']))
    expect(needed).not.toContain('src/plugin/plugins/bridge/options.netns.test.ts')
  })

  it('are those that read a page, a chart or a small program when that changes', () => {
    expect(affected('docs/metrics.md')).toContain('src/agent/serve/metrics.test.ts')
    expect(affected('helm/podwire/values.yaml')).toContain('test/chart/values.test.ts')
    expect(affected('test/programs/route.ts')).toContain('src/kernel/route/route.netns.test.ts')
  })

  it('are all that start the native program when its C changes', () => {
    const needed = new Set(affected('native/call.c'))
    const inHosts = [...graph.keys()].filter((file) => isTest(file) && file.includes('.netns.'))
    expect(inHosts.filter((file) => !needed.has(file))).toEqual([])
  })

  it('are all when the dependencies change', () => {
    expect(affected('package-lock.json')).toEqual(expect.arrayContaining([...graph.keys()].filter(isTest)))
  })

  it('are none when nothing tests what changed', () => {
    expect(affected('LICENSE', 'bench/table.ts').filter((file) => file.startsWith('src/'))).toEqual([])
  })
})

describe('make affected', () => {
  it('prints the tests of what changed since a commit, saved or committed, and the command that runs them', () => {
    const repository = mkdtempSync(join(tmpdir(), 'podwire-affected-'))
    onTestFinished(() => rmSync(repository, { recursive: true }))
    const write = (file: string, text: string) => {
      mkdirSync(dirname(join(repository, file)), { recursive: true })
      writeFileSync(join(repository, file), text)
    }
    const git = (...args: string[]) =>
      spawnSync('git', ['-c', 'user.name=test', '-c', 'user.email=test@example.org', ...args], { cwd: repository, encoding: 'utf8' })
    const run = (...args: string[]) =>
      spawnSync(process.execPath, [join(root, 'build/affected/main.ts'), '--root', repository, ...args], { encoding: 'utf8' })

    write('src/net/a.ts', 'export const a = 1\n')
    write('src/net/a.test.ts', "import { a } from './a.ts'\n")
    write('src/net/b.test.ts', 'export const b = 1\n')
    git('init', '--quiet', '--initial-branch=main')
    git('add', '.')
    git('commit', '--quiet', '--message=one')
    expect(run()).toMatchObject({ status: 0, stdout: expect.stringContaining('0 files changed') })
    write('src/net/a.ts', 'export const a = 2\n')
    write('src/net/c.test.ts', 'export const c = 1\n')
    const { status, stdout } = run()
    expect({ status, lines: stdout.split('\n').slice(1) }).toEqual({
      status: 0,
      lines: [
        'src/net/c.test.ts',
        'src/net/a.test.ts',
        '',
        expect.stringMatching(/node_modules\/\.bin\/vitest run src\/net\/c\.test\.ts src\/net\/a\.test\.ts$/),
        'in a cluster: make e2e',
        '',
      ],
    })
    expect(run('--base', 'nowhere')).toMatchObject({ status: 2, stderr: expect.stringContaining('BASE=REF') })
  })
})
