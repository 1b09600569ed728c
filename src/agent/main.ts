// The program: reads its configuration, runs until SIGTERM. Its kernel state stays.

import { CniError, formatError } from '../cni/error.ts'
import { runAgent } from './agent.ts'
import { readCommandLine, usage } from './command-line.ts'
import type { AgentConfig } from './config.ts'
import { reasonOf } from './failure.ts'
import { makeLog } from './log.ts'
import { nativeProgram } from './native/native.ts'
import { version } from './version.ts'

/** Milliseconds from the signal to the end, even if a pass still runs. */
const STOP_TIMEOUT = 1_500

function main(): void {
  try {
    const line = readCommandLine(process.argv.slice(2), process.env)
    if (line.verb === 'help') process.stdout.write(usage)
    else if (line.verb === 'version') process.stdout.write(`${version}\n`)
    else if (line.verb === 'run') run(line.config)
  } catch (error) {
    process.stderr.write(`podwire-agent: ${error instanceof CniError ? formatError(error) : reasonOf(error)}\n`)
    process.exitCode = 2
  }
}

function run(config: AgentConfig): void {
  const log = makeLog(config.logLevel, config.nodeName)
  const stop = new AbortController()
  for (const name of ['SIGTERM', 'SIGINT'] as const) {
    process.on(name, () => {
      if (stop.signal.aborted) process.exit(0)
      log.info({ signal: name }, 'stopping; routes, packet filter and conflist stay')
      stop.abort()
      setTimeout(() => process.exit(0), STOP_TIMEOUT).unref()
    })
  }
  log.info({ version, config: { ...config, nodeName: undefined } }, 'starting')
  runAgent(config, nativeProgram(config, log), log, stop.signal).then(
    // Open connections and timers would keep the process alive.
    () => process.exit(0),
    (error: unknown) => {
      log.fatal({ reason: reasonOf(error), stack: error instanceof Error ? error.stack : undefined }, 'cannot run the agent')
      process.exit(1)
    },
  )
}

main()
