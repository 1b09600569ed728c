// Which Docker engine kind's nodes run in: one of our own, or the machine's. KIND_ENGINE decides.

import type { Engine, EngineKind, Kubernetes } from './engine.ts'
import { machineCanServe, machineEngine } from './machine-engine.ts'
import { attachOwnEngine, startOwnEngine } from './own-engine.ts'

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
