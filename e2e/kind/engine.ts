// What the Docker engine is to kind's driver, whichever it is: our own, or the machine's.

import type { ClusterOptions } from '../driver.ts'

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
