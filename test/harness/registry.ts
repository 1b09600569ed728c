// A real registry (distribution) for tests to push to and pull from.

import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/** The command that serves `folder` at HOST:PORT until it is ended, without TLS. Its stdout is the access log, as Apache writes it. */
export function registryCommand(program: string, folder: string, address: string): string[] {
  mkdirSync(folder, { recursive: true })
  const settings = {
    version: '0.1',
    log: { level: 'warn' },
    storage: { filesystem: { rootdirectory: join(folder, 'data') } },
    http: { addr: address },
  }
  const path = join(folder, 'config.yml')
  // JSON is YAML.
  writeFileSync(path, JSON.stringify(settings))
  // It would look for a collector of traces on loopback.
  return ['env', 'OTEL_TRACES_EXPORTER=none', program, 'serve', path]
}
