// What the workflows call, whom they trust, and what they may.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { load } from 'js-yaml'
import { describe, expect, it } from 'vitest'
import { root } from '../build/image/script.ts'

interface Step {
  readonly uses?: string
  readonly run?: string
}
interface Workflow {
  readonly permissions?: Readonly<Record<string, string>>
  readonly jobs: Readonly<Record<string, { readonly permissions?: Readonly<Record<string, string>>; readonly steps: readonly Step[] }>>
}

const folder = join(root, '.github/workflows')
const workflows = readdirSync(folder).map((file) => {
  const text = readFileSync(join(folder, file), 'utf8')
  // Ours; actionlint has looked at its form.
  return { file, text, workflow: load(text) as Workflow }
})
const makefile = readFileSync(join(root, 'Makefile'), 'utf8')

describe.each(workflows)('$file', ({ text, workflow }) => {
  const steps = Object.values(workflow.jobs).flatMap(({ steps }) => steps)

  it('calls targets that exist', () => {
    const called = steps.flatMap(({ run = '' }) => [...run.matchAll(/\bmake (?:--[a-z-]+ )*([a-z0-9-]+)/g)].map(([, target]) => target))
    for (const target of called.filter((name) => name !== 'gcc')) expect(makefile, target).toMatch(new RegExp(`^${target}:`, 'm'))
  })

  it('pins each action to a commit, with its release in a comment', () => {
    for (const [line] of text.matchAll(/^.*uses:.*$/gm)) expect(line).toMatch(/uses: [\w-]+\/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$/)
  })

  it('begins with no right to write, and gives one to the job that publishes only', () => {
    const writes = (permissions: Readonly<Record<string, string>> | undefined) =>
      Object.entries(permissions ?? { all: 'write' })
        .filter(([, right]) => right === 'write')
        .map(([name]) => name)
    expect(writes(workflow.permissions)).toEqual([])
    for (const [name, { permissions = {} }] of Object.entries(workflow.jobs))
      expect([name, writes(permissions)]).toEqual([name, name === 'publish' ? ['contents', 'packages', 'id-token'] : []])
  })

  it('leaves no token in what is checked out', () => {
    expect(text.match(/actions\/checkout@/g)?.length).toBe(text.match(/persist-credentials: false/g)?.length)
  })
})
