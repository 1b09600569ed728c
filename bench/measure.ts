// Runs inside the throw-away host: times whole processes from their start to their end, the sides in turn, so that drift of the machine hits both alike.
// stdin: {rounds, sides: [{name, steps: [{name, file, args, env, stdin}]}]}; stdout: {side: {step: {ms: […], maxrss: […]}}}.

import { sys } from '../src/host/sys.ts'

interface Step {
  readonly name: string
  readonly file: string
  readonly args: readonly string[]
  readonly env: readonly string[]
  readonly stdin: string
}
interface Task {
  readonly rounds: number
  readonly sides: readonly { readonly name: string; readonly steps: readonly Step[] }[]
}

const CLOCK_MONOTONIC = 1

let text = ''
for (let part = sys.read(0, 1 << 20); part.byteLength > 0; part = sys.read(0, 1 << 20)) text += sys.decodeUtf8(part, 0, part.byteLength)
// The task comes from bench/run.ts and nobody else.
const task = JSON.parse(text) as Task

const samples: Record<string, Record<string, { ms: number[]; maxrss: number[] }>> = {}
// The first round warms the page cache and is not counted.
for (let round = 0; round <= task.rounds; round++) {
  for (const side of task.sides) {
    const steps = samples[side.name] ?? {}
    samples[side.name] = steps
    for (const step of side.steps) {
      const start = sys.clock_gettime(CLOCK_MONOTONIC)
      const exit = sys.spawn({ ...step, args: [step.file, ...step.args], captureStderr: true, timeout: 60_000 })
      const ms = (sys.clock_gettime(CLOCK_MONOTONIC) - start) * 1000
      if (exit.status !== 0) throw new Error(`${side.name} ${step.name}: status ${exit.status}: ${exit.stdout}${exit.stderr}`)
      if (round === 0) continue
      const sample = steps[step.name] ?? { ms: [], maxrss: [] }
      steps[step.name] = sample
      sample.ms.push(ms)
      sample.maxrss.push(exit.maxrss)
    }
  }
}
sys.write(1, JSON.stringify(samples))
