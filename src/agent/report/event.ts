// One event in Kubernetes' event API, about a pod or a Node.

import type { Request } from '../kube/request.ts'

/** What an event is about. A Node's uid is its name, by which `kubectl describe node` finds the kubelet's events, too. */
export interface Regarding {
  readonly kind: 'Pod' | 'Node'
  /** '' of a Node, whose events are in the namespace `default`. */
  readonly namespace: string
  readonly name: string
  readonly uid: string
}

export interface Event {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly note: string
}

/** `reporter` is the agent's pod. Throws where the API server rejects the event. */
export async function sendEvent(request: Request, regarding: Regarding, reporter: string, { type, reason, note }: Event): Promise<void> {
  const { kind, name, uid } = regarding
  const namespace = regarding.namespace || 'default'
  await request('POST', `/apis/events.k8s.io/v1/namespaces/${namespace}/events`, {
    apiVersion: 'events.k8s.io/v1',
    kind: 'Event',
    metadata: { generateName: `${name}-`, namespace },
    // With microseconds, which Date does not have.
    eventTime: new Date().toISOString().replace('Z', '000Z'),
    reportingController: 'podwire-agent',
    reportingInstance: reporter,
    regarding: { apiVersion: 'v1', kind, ...(regarding.namespace && { namespace: regarding.namespace }), name, uid },
    action: 'Reconcile',
    type,
    reason,
    // The API's limit is 1024 bytes.
    note: Buffer.from(note).subarray(0, 1000).toString(),
  })
}
