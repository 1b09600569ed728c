// The agent's log: one JSON object a line on stdout.

import { type Logger, pino } from 'pino'
import type { Problem } from '../contract/problem.ts'

export type { Logger } from 'pino'

/** Each line is written before the call returns, so that a crash loses none. SIGUSR2 switches between `level` and debug. */
export function makeLog(level: string, node: string): Logger {
  const log = pino({ level, base: { node }, messageKey: 'msg', timestamp: pino.stdTimeFunctions.isoTime })
  process.on('SIGUSR2', () => {
    log.level = log.level === 'debug' ? level : 'debug'
    log.info({ level: log.level }, 'log level changed')
  })
  return log
}

/** Logs each problem when it comes and when it goes, and not in between: the same one is found again each minute. */
export class ProblemLog {
  readonly #log: Logger
  #reported = new Set<string>()

  constructor(log: Logger) {
    this.#log = log
  }

  /** `problems` are all that exist now. */
  report(problems: readonly Problem[]): void {
    const now = new Map(problems.map((problem) => [JSON.stringify([problem.kind, problem.object, problem.message]), problem]))
    for (const [key, { kind, object, message }] of now) if (!this.#reported.has(key)) this.#log.warn({ kind, object }, message)
    for (const key of this.#reported) {
      if (now.has(key)) continue
      const [kind, object, message]: string[] = JSON.parse(key)
      this.#log.info({ kind, object }, `resolved: ${message}`)
    }
    this.#reported = new Set(now.keys())
  }
}
