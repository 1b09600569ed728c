// How many of the faults are tried: every one with FAULTS=all (`make soak`), else an even sample, the same one each time.

/** One in this many. */
const SAMPLE = 40

export function sample<T>(all: readonly T[], oneIn = SAMPLE): readonly T[] {
  return process.env.FAULTS === 'all' ? all : all.filter((_, i) => i % oneIn === 0)
}

/** What a test found, a line each; the count goes to the output so that it is known how much was tried. */
export function summary(name: string, sites: number, faults: number, wrong: readonly string[]): void {
  process.stdout.write(`${name}: ${sites} system calls, ${faults} faults injected, ${wrong.length} violations\n`)
}
