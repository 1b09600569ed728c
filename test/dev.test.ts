// `make dev`: what a save runs. In a small tree of the test's own.

import { spawn } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, it, onTestFinished, vi } from 'vitest'
import { root } from '../build/image/script.ts'

function start() {
  const folder = mkdtempSync(join(tmpdir(), 'podwire-dev-'))
  const write = (file: string, text: string) => {
    mkdirSync(dirname(join(folder, file)), { recursive: true })
    writeFileSync(join(folder, file), text)
  }
  for (const file of ['build', 'biome.json', 'package.json', 'tsconfig.json', '.gitignore'])
    cpSync(join(root, file), join(folder, file), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  write('vitest.config.ts', "export default { test: { include: ['src/**/*.test.ts'] } }\n")
  write('src/net/sum.ts', 'export const sum = (a: number, b: number): number => a + b\n')
  write(
    'src/net/sum.test.ts',
    "import { expect, it } from 'vitest'\nimport { sum } from './sum.ts'\n\nit('adds', () => expect(sum(1, 2)).toBe(3))\n",
  )
  write('src/net/other.test.ts', "import { it } from 'vitest'\n\nit('is not about sums', () => {})\n")

  const dev = spawn(process.execPath, ['build/dev.ts', folder], { cwd: folder, stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  dev.stdout.on('data', (part) => {
    output += part
  })
  onTestFinished(() => {
    dev.kill()
    rmSync(folder, { recursive: true })
  })
  /** What is printed from here on until a line matches. */
  const printed = async (line: RegExp) => {
    await vi.waitUntil(() => line.test(output), { timeout: 100_000, interval: 50 })
    const text = output
    output = ''
    return text
  }
  return { write, printed }
}

it('runs the tests of what was saved, format, types and arrows when a file is saved', { timeout: 200_000 }, async () => {
  const { write, printed } = start()
  await printed(/^watching/)
  write('src/net/sum.ts', 'export const sum = (a: number, b: number): number => b + a\n')
  const good = await printed(/import arrows/)
  expect(good).toMatch(/^src\/net\/sum\.ts\nok {5}format, lint .*\nok {5}1 test files .*\nok {5}types .*\nok {5}import arrows/m)

  write('src/net/sum.ts', 'export const sum = (a: number, b: number): number => a - b\n')
  const bad = await printed(/import arrows/)
  expect(bad).toMatch(/^FAILED 1 test files/m)
  expect(bad).toContain('expected -1 to be 3')
})
