// What a cluster uses, read from the control groups of its boxes.

import { join } from 'node:path'
import { readOrNothing } from './world.ts'

/** CPU milliseconds so far and bytes of memory that are not page cache, summed over boxes. */
export function readUsage(state: string, boxes: readonly string[]): { cpuMs: number; memory: number } {
  const groups = boxes.flatMap((box) =>
    readOrNothing(join(state, box, 'cgroups'))
      .split('\n')
      .filter(Boolean),
  )
  const sum = (measure: (group: string) => number) => groups.reduce((total, group) => total + measure(group), 0)
  return {
    // Nanoseconds in the first version's cpuacct, microseconds in the second's cpu.stat; a group has one or the other, or neither.
    cpuMs: sum((group) => Number(readOrNothing(join(group, 'cpuacct.usage'))) / 1e6 + field(join(group, 'cpu.stat'), 'usage_usec') / 1e3),
    memory: sum((group) => field(join(group, 'memory.stat'), 'total_rss') + field(join(group, 'memory.stat'), 'anon')),
  }
}

function field(file: string, name: string): number {
  const line = readOrNothing(file)
    .split('\n')
    .find((text) => text.startsWith(`${name} `))
  return Number(line?.split(' ')[1] ?? 0)
}
