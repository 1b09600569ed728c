// Programs that were read when they were built: what of them ran then, and that nothing else of the build is in them.

import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { buildProgram } from './harness/native.ts'

const build = () => buildProgram('ahead', '+built=test/programs/ahead-built.ts', 'late=test/programs/ahead-late.ts')
const run = (program: string, ...args: string[]) => spawnSync(program, args, { encoding: 'utf8', env: {} })

it('runs a segment when the program is built, and each run of the program finds it as it was then', () => {
  const program = build()
  for (const argument of ['first', 'second']) {
    const { status, stdout, stderr } = run(program, argument)
    expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
    expect(JSON.parse(stdout)).toEqual({ ranForACaller: [false, true], calls: 1, argument })
  }
})

it('takes --image for an argument like any other when it has an image', () => {
  expect(JSON.parse(run(build(), '--image', '/no/such/folder/image').stdout)).toMatchObject({ argument: '--image' })
})

it('is the same program, byte for byte, when it is built again', () => {
  expect(readFileSync(build()).equals(readFileSync(build()))).toBe(true)
})

it('is not built when a segment that runs then throws', () => {
  const args = ['build/native.sh', 'test/programs/ahead.ts', '/no/such/folder/ahead', '+built=test/programs/ahead-throws.ts']
  const { status, stderr } = spawnSync('sh', args, { encoding: 'utf8' })
  expect(status).toBe(1)
  expect(stderr).toContain("TypeError: cannot read property 'length' of undefined")
})
