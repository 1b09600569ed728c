// The Docker engine that kind's nodes run in: one of our own, or the machine's. KIND_ENGINE decides.

import type { ClusterOptions } from '../driver.ts'
import { machineCanServe, machineEngine } from './machine-engine.ts'
import { attachOwnEngine, startOwnEngine } from './own-engine.ts'

export type Kubernetes = Required<ClusterOptions>['kubernetes']
export type EngineKind = 'own' | 'machine'

export interface Engine {
  readonly kind: EngineKind
  /** Goes before a command: so it runs where nodes can be reached, and finds docker, kind, kubectl and helm. */
  readonly at: readonly string[]
  /** The folder of kubectl and helm. */
  readonly programs: string
  /** True where nodes cannot have every capability. */
  readonly limited: boolean
  /** The image for nodes, pulled or built where it is not there. */
  nodeImage(): Promise<string>
  /** Ends what `startEngine` began; what was built stays. */
  end(): Promise<void>
}

/** What KIND_ENGINE says; where it is silent the machine's, if it has what kind needs and kind's node image is there or can be pulled. */
export async function chooseEngine(kubernetes: Kubernetes): Promise<EngineKind> {
  const wanted = process.env.KIND_ENGINE || undefined
  if (wanted === 'own' || wanted === 'machine') return wanted
  if (wanted !== undefined) throw new Error(`KIND_ENGINE is own or machine, not ${wanted}`)
  return (await machineCanServe(kubernetes)) ? 'machine' : 'own'
}

/** Starts our own, which ends with this process unless it is to stay; the machine's runs already. */
export async function startEngine(kind: EngineKind, kubernetes: Kubernetes, stay: boolean): Promise<Engine> {
  return kind === 'machine' ? machineEngine(kubernetes) : await startOwnEngine(kubernetes, stay)
}

/** The one that another process has started. */
export const attachEngine = (kind: EngineKind, kubernetes: Kubernetes): Engine =>
  kind === 'machine' ? machineEngine(kubernetes) : attachOwnEngine(kubernetes)
