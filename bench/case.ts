// What a case consists of, and the one that most are: a chain of ours beside a chain of the reference's.

import { type Host, pluginPath } from '../test/harness/throwaway-host.ts'
import { type Attachment, type Chain, call, hostLocal } from './plugins.ts'
import type { Side, Step } from './task.ts'

export interface Case {
  readonly title: string
  /** Names of the steps that make rows; both sides have them. */
  readonly rows: readonly string[]
  /** Less than all others have, where one round is a long one. */
  readonly rounds?: number
  /** Run once before the rounds, not timed. */
  readonly before?: readonly Side[]
  readonly sides: readonly [Side, Side]
}

export const verbs = ['ADD', 'DEL'] as const
export const lan = (host: Host, third: number) => hostLocal(host.dir, `10.2.${third}.0/24`)

export function steps(path: string, chain: Chain, pod: Attachment, names: readonly string[] = verbs): Step[] {
  return names.map((name) => ({ name, programs: call(path, name, chain, pod) }))
}

export async function beside(
  host: Host,
  go: string,
  title: string,
  ours: Chain,
  theirs: Chain,
  rows: readonly string[] = verbs,
): Promise<Case> {
  const attachment = async (network: string): Promise<Attachment> => {
    const { name, netns } = await host.pod()
    return { network: `${network}-${name}`, id: 'bench', netns }
  }
  const [own, other] = [await attachment('podwire'), await attachment('go')]
  return {
    title,
    rows,
    sides: [
      { name: 'podwire', steps: steps(pluginPath, ours, own, rows) },
      { name: 'go', steps: steps(go, theirs, other, rows) },
    ],
  }
}

export function addressIn(third: number, i: number): string {
  return `10.2.${third}.${i + 2}`
}
