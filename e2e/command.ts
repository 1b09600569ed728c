// Programs as scenarios and drivers run them: how they ended is a value, and none is waited for without a limit.

import { type ChildProcess, spawn } from 'node:child_process'

/** How a program ended: its exit status, or −1 where a signal or the time limit ended it. */
export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface ExecOptions {
  readonly stdin?: string
  /** Milliseconds, 60 s where absent. */
  readonly timeout?: number
}

/** A program that runs during the scenario until it is ended. */
export interface Background {
  readonly pid: number
  /** What it has written so far. */
  stdout(): string
  /** Ends its stdin and waits for it to end by itself; kills it after `timeout` milliseconds (10 s where absent). */
  finish(timeout?: number): Promise<Outcome>
  kill(): Promise<Outcome>
}

export interface CommandOptions extends ExecOptions {
  /** Added to our own. */
  readonly env?: Readonly<Record<string, string>>
}

/** Runs a program to its end. */
export async function run(args: readonly string[], { stdin = '', timeout = 60_000, env = {} }: CommandOptions = {}): Promise<Outcome> {
  const { child, outcome } = start(args, env)
  child.stdin?.end(stdin)
  const limit = setTimeout(() => killGroup(child), timeout)
  try {
    return await outcome
  } finally {
    clearTimeout(limit)
  }
}

/** As `run`, but a status other than 0 throws what the program said; returns its stdout. */
export async function mustRun(args: readonly string[], options?: CommandOptions): Promise<string> {
  return succeeded(await run(args, options), args.join(' '))
}

/** The stdout of a program that ended well; throws what it said where it did not. */
export function succeeded({ status, stdout, stderr }: Outcome, what: string): string {
  if (status !== 0) throw new Error(`${what}: ${status < 0 ? 'killed or out of time' : `status ${status}`}: ${(stderr || stdout).trim()}`)
  return stdout
}

/** Starts a program that runs until it is ended. */
export function startBackground(args: readonly string[], env: Readonly<Record<string, string>> = {}): Background {
  const { child, outcome, written } = start(args, env)
  const kill = () => {
    killGroup(child)
    return outcome
  }
  return {
    pid: child.pid ?? -1,
    stdout: written,
    kill,
    async finish(timeout = 10_000) {
      child.stdin?.end()
      const limit = setTimeout(kill, timeout)
      try {
        return await outcome
      } finally {
        clearTimeout(limit)
      }
    },
  }
}

function start(args: readonly string[], env: Readonly<Record<string, string>>) {
  const [file = 'true', ...rest] = args
  // A process group of its own: at the limit the program has to die, not only the nsenter in front of it.
  const child = spawn(file, rest, { stdio: 'pipe', detached: true, env: { ...process.env, ...env } })
  const stdout: Buffer[] = []
  const stderr: Buffer[] = []
  child.stdout.on('data', (part) => stdout.push(part))
  child.stderr.on('data', (part) => stderr.push(part))
  // A program that does not read its stdin is no failure.
  child.stdin.on('error', () => {})
  const written = () => Buffer.concat(stdout).toString()
  const outcome = new Promise<Outcome>((done) => {
    child.on('error', (error) => done({ status: 127, stdout: '', stderr: error.message }))
    child.on('close', (code) => done({ status: code ?? -1, stdout: written(), stderr: Buffer.concat(stderr).toString() }))
  })
  return { child, outcome, written }
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended, and something that it left in the background holds its pipes.
  }
  child.stdout?.destroy()
  child.stderr?.destroy()
}
