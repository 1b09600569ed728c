// The native program, which does all work in the kernel and on the node's files: JSON in, JSON out, a time limit on every call.

import { existsSync } from 'node:fs'
import { execa } from 'execa'
import type { Paths } from '../../contract/paths.ts'
import { PROTOCOL } from '../../node/state.ts'
import type { AgentConfig, OtherConfigs } from '../config.ts'
import { reasonOf } from '../failure.ts'
import type { Logger } from '../log.ts'
import { Lines } from '../loop/lines.ts'
import {
  type ApplyReport,
  type PublishReport,
  parseApplyReport,
  parsePublishReport,
  parseVersion,
  parseWatchEvent,
} from './native-report.ts'

/** A call that brought no report: `kind` is `missing` (the program does not exist), `timeout`, `protocol` (another version's), `usage` or `died`. */
export class NativeError extends Error {
  override readonly name = 'NativeError'
  readonly kind: 'missing' | 'timeout' | 'protocol' | 'usage' | 'died'

  constructor(kind: NativeError['kind'], message: string) {
    super(message)
    this.kind = kind
  }
}

export interface PublishInput {
  readonly podCidrs: readonly string[]
  readonly mtu: number
  readonly others: OtherConfigs
  readonly mode: string
}

export interface Native {
  /** The program's version; throws a NativeError where it speaks another protocol. */
  version(): Promise<string>
  /** Makes the kernel as `state` (a NodeState as JSON) has it. */
  apply(state: string): Promise<ApplyReport>
  /** Makes the routes to the peers of `state` (a NodeState as JSON), which have just joined, without reading the others. */
  addPeers(state: string): Promise<void>
  publish(input: PublishInput): Promise<PublishReport>
  /** Runs `node watch` until it ends or `signal` does; throws where it ended by itself. */
  watch(onEvent: (event: string, object: string) => void, signal: AbortSignal): Promise<void>
}

/** Milliseconds. 5,000 peers from empty take less than one second. */
const APPLY_LIMIT = 30_000
const SHORT_LIMIT = 10_000
const STOP_LIMIT = 500

export function nativeProgram({ native, paths }: Pick<AgentConfig, 'native' | 'paths'>, log: Logger): Native {
  const state = ['--state-dir', paths.stateDir]
  return {
    async version() {
      const { version, protocol } = await callNative(native, ['version', '-o', 'json'], '', SHORT_LIMIT, log, parseVersion)
      if (protocol === PROTOCOL) return version
      throw new NativeError(
        'protocol',
        `${native} ${version} speaks protocol ${protocol}, this agent speaks ${PROTOCOL}: install both from one release`,
      )
    },
    apply: (text) => callNative(native, ['node', 'apply', ...state], text, APPLY_LIMIT, log, parseApplyReport),
    addPeers: (text) => callNative(native, ['node', 'add-peers'], text, SHORT_LIMIT, log, () => undefined),
    publish: ({ podCidrs, mtu, others, mode }) => {
      const input = JSON.stringify({ protocol: PROTOCOL, podCidrs, mtu, exclusive: others, ...(mode && { mode }) })
      return callNative(native, ['node', 'publish', ...pathFlags(paths)], input, SHORT_LIMIT, log, parsePublishReport)
    },
    watch: (onEvent, signal) => follow(native, ['node', 'watch', ...state], onEvent, signal),
  }
}

export function pathFlags({ stateDir, runDir, confDir, confName, binDir }: Paths): string[] {
  return ['--state-dir', stateDir, '--run-dir', runDir, '--conf-dir', confDir, '--conf-name', confName, '--bin-dir', binDir]
}

/** Status 1 is a report with problems; without a report the reason is on stderr. */
export async function callNative<T>(
  file: string,
  args: readonly string[],
  input: string,
  timeout: number,
  log: Logger,
  parse: (text: string) => T,
): Promise<T> {
  // It is not killed when the agent ends: it finishes what it has begun, within its own limit.
  const outcome = await execa(file, args, { input, timeout, reject: false, cleanup: false, killSignal: 'SIGKILL', extendEnv: true })
  const what = `${file} ${args.slice(0, 2).join(' ')}`
  const { stderr, stdout, exitCode } = outcome
  const errors = stderr.trim()
  if (outcome.timedOut) throw new NativeError('timeout', `${what}: no answer in ${timeout / 1000} s`)
  if (exitCode === 0 || (exitCode === 1 && stdout.trim() !== '')) {
    if (errors !== '') log.debug({ command: what, stderr: errors.slice(0, 2000) }, 'stderr of the native program')
    try {
      return parse(stdout)
    } catch (error) {
      throw new NativeError('died', `${what}: ${reasonOf(error)}`)
    }
  }
  // Without a status or a signal it never ran.
  if (exitCode === undefined && outcome.signal === undefined) {
    throw new NativeError(
      'missing',
      `cannot run ${file}: ${existsSync(file) ? (outcome.code ?? outcome.shortMessage) : 'the file does not exist'}`,
    )
  }
  const reason = errors.split('\n').slice(0, 5).join('; ') || outcome.shortMessage || 'no reason on stderr'
  throw new NativeError(exitCode === 2 ? 'usage' : 'died', `${what}: status ${exitCode ?? outcome.signal ?? 'unknown'}: ${reason}`)
}

async function follow(
  file: string,
  args: readonly string[],
  onEvent: (event: string, object: string) => void,
  signal: AbortSignal,
): Promise<void> {
  // It runs until its stdin ends, which the kernel closes even when the agent is killed.
  const child = execa(file, args, { stdin: 'pipe', buffer: false, reject: false, killSignal: 'SIGKILL' })
  const stop = () => {
    child.stdin.end()
    setTimeout(() => child.kill(), STOP_LIMIT).unref()
  }
  signal.addEventListener('abort', stop)
  // It may have come before there was a listener.
  if (signal.aborted) stop()
  const lines = new Lines((line) => {
    const event = parseWatchEvent(line)
    if (event) onEvent(event.event, event.object)
  })
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => {
    try {
      lines.write(chunk)
    } catch (error) {
      stderr = reasonOf(error)
      child.kill()
    }
  })
  child.stderr.on('data', (chunk: Buffer) => {
    stderr = (stderr + chunk.toString()).slice(-500)
  })
  // The error of a program that exits during a write is its exit status, below.
  child.stdin.on('error', () => {})
  const { exitCode, shortMessage } = await child
  signal.removeEventListener('abort', stop)
  if (signal.aborted) return
  const reason = stderr.trim() || shortMessage || 'no reason on stderr'
  throw new NativeError('died', `${file} ${args.slice(0, 2).join(' ')} ended: status ${exitCode ?? 'none'}: ${reasonOf(reason)}`)
}
