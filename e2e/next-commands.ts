// What `make cluster` and `make kind` print: the way into a cluster that stays up, as it can be pasted.

import { namespace, release } from './podwire.ts'

export interface WayIn {
  readonly kubeconfig: string
  /** The folder of kubectl and helm. */
  readonly programs: string
  /** The make target that ends the cluster. */
  readonly end: string
}

/** Lines that work as they stand in any shell of this machine. */
export const nextCommands = ({ kubeconfig, programs, end }: WayIn): string =>
  `KUBECONFIG=${kubeconfig}

The next three commands:
  export KUBECONFIG=${kubeconfig} PATH=${programs}:$PATH
  kubectl get nodes,pods -A -o wide
  helm test ${release} -n ${namespace} --logs

\`${end}\` ends it.`
