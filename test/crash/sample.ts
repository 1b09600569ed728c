// How many of the faults are tried: every one with FAULTS=all (`make soak`), else an even sample, the same one each time.

import { spawnSync } from 'node:child_process'

export const noStrace =
  spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0 ? undefined : 'needs strace, and a kernel that lets it trace'

/** One in this many. */
const SAMPLE = 40

export function sample<T>(all: readonly T[], oneIn = SAMPLE): readonly T[] {
  return process.env.FAULTS === 'all' ? all : all.filter((_, i) => i % oneIn === 0)
}

/** What only one of two states has. */
export function difference(before: readonly string[], after: readonly string[]): string[] {
  const gone = before.filter((line) => !after.includes(line)).map((line) => `- ${line}`)
  return [...gone, ...after.filter((line) => !before.includes(line)).map((line) => `+ ${line}`)]
}

/** What a test found, a line each; the count goes to the output so that it is known how much was tried. */
export function summary(name: string, sites: number, faults: number, wrong: readonly string[]): void {
  process.stdout.write(`${name}: ${sites} system calls, ${faults} faults injected, ${wrong.length} violations\n`)
}
