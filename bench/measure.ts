// Runs inside the throw-away host: times whole processes from their start to their end, the sides in turn, so that drift of the machine hits both alike.
// stdin: a Task; stdout: Samples.

import { sys } from '../src/host/sys.ts'
import { ANSWER, type Program, type Task } from './task.ts'

const CLOCK_MONOTONIC = 1
const CLONE_NEWNET = 0x40000000
const MINUTE = 60_000

let text = ''
for (let part = sys.read(0, 1 << 20); part.byteLength > 0; part = sys.read(0, 1 << 20)) text += sys.decodeUtf8(part, 0, part.byteLength)
// The task comes from bench/run.ts alone.
const task = JSON.parse(text) as Task

const own = sys.open('/proc/self/ns/net', 0)
const samples: Record<string, Record<string, { ms: number[]; maxrss: number[] }>> = {}
const answers: Record<string, string> = {}
// The first round warms the page cache and is not counted.
for (let round = 0; round <= task.rounds; round++) {
  for (const side of task.sides) {
    const node = side.node === undefined ? own : sys.open(side.node, 0)
    sys.setns(node, CLONE_NEWNET)
    const steps = samples[side.name] ?? {}
    samples[side.name] = steps
    for (const { name, programs } of side.steps) {
      const { ms, maxrss } = timeAll(side.name, name, programs)
      if (round === 0) continue
      const sample = steps[name] ?? { ms: [], maxrss: [] }
      steps[name] = sample
      sample.ms.push(ms)
      sample.maxrss.push(maxrss)
    }
    if (node !== own) sys.close(node)
  }
}
sys.write(1, JSON.stringify(samples))

function timeAll(side: string, step: string, programs: readonly Program[]): { ms: number; maxrss: number } {
  let maxrss = 0
  const start = sys.clock_gettime(CLOCK_MONOTONIC)
  for (const program of programs) {
    const { file, args } = program
    const stdin = program.stdin.replace(JSON.stringify(ANSWER), () => answers[side] ?? '{}')
    const exit = sys.spawn({ ...program, args: [file, ...args], stdin, captureStderr: true, timeout: MINUTE })
    if (exit.status !== 0) throw new Error(`${side} ${step}: ${file}: status ${exit.status}: ${exit.stdout}${exit.stderr}`)
    if (exit.stdout) answers[side] = exit.stdout
    maxrss = Math.max(maxrss, exit.maxrss)
  }
  return { ms: (sys.clock_gettime(CLOCK_MONOTONIC) - start) * 1000, maxrss }
}
