// A short program in the path of each pod: by Node's own spawn, which takes a quarter of the processor time that execa takes (decision 9).

import { spawn } from 'node:child_process'

export interface ProgramRun {
  /** Its first argument, by which it knows what it is. */
  readonly argv0: string
  readonly env: Readonly<Record<string, string>>
  readonly input: string
  /** Milliseconds, then SIGKILL. */
  readonly timeout: number
}

export interface ProgramEnd {
  /** Undefined where a signal ended it. */
  readonly status: number | undefined
  readonly stdout: string
}

/** Throws where it cannot be started. */
export function runProgram(file: string, { argv0, env, input, timeout }: ProgramRun): Promise<ProgramEnd> {
  return new Promise((done, fail) => {
    const child = spawn(file, [], { argv0, env: { ...env }, stdio: ['pipe', 'pipe', 'ignore'], timeout, killSignal: 'SIGKILL' })
    const parts: Buffer[] = []
    child.on('error', fail)
    child.stdout.on('data', (part: Buffer) => parts.push(part))
    child.on('close', (status) => done({ status: status ?? undefined, stdout: Buffer.concat(parts).toString() }))
    // One that ends without reading has its reason on stdout.
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}
