// A network as an administrator drives it: a list in the folder where `cnitool` looks, and cnitool, ours or libcni's own.

import { createHash } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { goPath } from '../clients/available.ts'
import type { Maker } from './chained.ts'
import { type Host, type Outcome, type Pod, pluginPath } from './netns.ts'

export interface ToolOptions {
  readonly tool?: Maker
  /** CNI_PATH, `dist/cni` where absent. */
  readonly path?: string
  /** PATH, ours where absent. */
  readonly PATH?: string
  readonly env?: Readonly<Record<string, string>>
  /** Seconds after which it and whatever it has started are killed. */
  readonly killAfter?: number
}

/** Puts the list of plugins where cnitool finds it under `name`. */
export function putNetwork(host: Host, name: string, plugins: readonly object[], more: object = {}): void {
  writeFileSync(join(host.dir, `${name}.conflist`), JSON.stringify({ cniVersion: '1.1.0', name, ...more, plugins }))
}

export function runTool(host: Host, verb: string, name: string, pod?: Pick<Pod, 'netns'>, options: ToolOptions = {}): Promise<Outcome> {
  const { tool = 'ours', path = pluginPath, PATH = process.env.PATH ?? '', env, killAfter } = options
  // Not from the first one's environment: that finds `env` and `timeout` by it.
  const args = ['env', `PATH=${PATH}`, join(tool === 'ours' ? pluginPath : goPath, 'cnitool'), verb, name, pod?.netns ?? '/none']
  const limit = killAfter === undefined ? [] : ['timeout', '-s', 'KILL', killAfter.toFixed(4)]
  const [file = '', ...rest] = [...limit, ...args]
  return host.exec(file, rest, { env: { PATH: process.env.PATH ?? '', NETCONFPATH: host.dir, CNI_PATH: path, ...env }, timeout: 120_000 })
}

/** What either cnitool makes the container's ID of. */
export function toolContainerId({ netns }: Pick<Pod, 'netns'>): string {
  return `cnitool-${createHash('sha512').update(netns).digest('hex').slice(0, 20)}`
}
