// `helm uninstall`, on every node: the agents are stopped, then one pod on each node removes what podwire made there.

import { setTimeout as sleep } from 'node:timers/promises'
import { ApiError } from '../agent/kube/api-error.ts'
import type { Request } from '../agent/kube/request.ts'
import { isObject, type JsonObject } from '../cni/json.ts'
import { listNodes, listPods, type Pod, text } from './objects.ts'

export interface UninstallPlan {
  readonly namespace: string
  /** Of the agents; deleted first, since they would restore what is removed. */
  readonly daemonSet: string
  readonly agents: string
  /** The selector of the pods below, which is how those of an earlier try are found. */
  readonly selector: string
  /** A Pod without a node; it runs once and is not started again. */
  readonly pod: JsonObject
  readonly timeoutSeconds: number
  readonly parallel: number
}

/** The pod that this runs in: it owns the pods on the nodes, so that they are deleted with it. */
export interface Owner {
  readonly name: string
  readonly uid: string
}

export interface Outcome {
  readonly node: string
  readonly ok: boolean
  readonly message: string
}

const PAUSE = 500

/**
 * Tries every node, reports each outcome when it is known, and returns all, by name. Throws when the agents cannot be stopped, and when a new installation starts meanwhile.
 */
export async function uninstallEverywhere(
  request: Request,
  plan: UninstallPlan,
  owner: Owner,
  report: (outcome: Outcome) => void,
  pause = PAUSE,
): Promise<Outcome[]> {
  const deadline = performance.now() + plan.timeoutSeconds * 1000
  const nodes = await listNodes(request)
  const reachable = new Set(nodes.filter((node) => node.reachable).map(({ name }) => name))
  await removePods(request, plan)
  await untilGone(request, plan, plan.selector, reachable, deadline, pause)
  await stopAgents(request, plan, reachable, deadline, pause)
  const lost = nodes.filter((node) => !node.reachable).map(({ name }): Outcome => ({ node: name, ok: false, message: unreachable }))
  for (const outcome of lost) report(outcome)
  try {
    return [...(await runPods(request, plan, owner, report, [...reachable], deadline, pause)), ...lost].sort((a, b) =>
      a.node < b.node ? -1 : 1,
    )
  } finally {
    await removePods(request, plan)
  }
}

const unreachable = 'cannot uninstall: its kubelet does not report; run `podwire uninstall` there, or delete the Node'

async function stopAgents(
  request: Request,
  plan: UninstallPlan,
  reachable: ReadonlySet<string>,
  deadline: number,
  pause: number,
): Promise<void> {
  await unless404(request('DELETE', daemonSetPath(plan), { propagationPolicy: 'Background' }))
  await untilGone(request, plan, plan.agents, reachable, deadline, pause)
}

async function untilGone(
  request: Request,
  plan: UninstallPlan,
  selector: string,
  reachable: ReadonlySet<string>,
  deadline: number,
  pause: number,
): Promise<void> {
  for (;;) {
    const left = (await listPods(request, plan.namespace, selector)).filter(({ node }) => reachable.has(node))
    if (left.length === 0) return
    if (performance.now() > deadline) throw new Error(`pods that do not terminate: ${names(left)}`)
    await sleep(pause)
  }
}

async function runPods(
  request: Request,
  plan: UninstallPlan,
  owner: Owner,
  report: (outcome: Outcome) => void,
  nodes: readonly string[],
  deadline: number,
  pause: number,
): Promise<Outcome[]> {
  const waiting = [...nodes]
  const outcomes: Outcome[] = []
  const running = new Set<string>()
  while (waiting.length > 0 || running.size > 0) {
    if (waiting.length > 0 && running.size < plan.parallel) {
      await rejectRace(request, plan)
      for (const node of waiting.splice(0, plan.parallel - running.size)) {
        await request('POST', `/api/v1/namespaces/${plan.namespace}/pods`, podFor(plan.pod, node, owner))
        running.add(node)
      }
    }
    const late = performance.now() > deadline
    for (const pod of await listPods(request, plan.namespace, plan.selector)) {
      if (!running.has(pod.node) || !(late || isOver(pod))) continue
      running.delete(pod.node)
      const outcome = outcomeOf(pod, plan.timeoutSeconds)
      outcomes.push(outcome)
      report(outcome)
      await unless404(request('DELETE', `/api/v1/namespaces/${plan.namespace}/pods/${pod.name}`))
    }
    if (late) {
      const rest = [...running, ...waiting].map((node): Outcome => ({ node, ok: false, message: 'timeout before this node could start' }))
      for (const outcome of rest) report(outcome)
      return [...outcomes, ...rest]
    }
    await sleep(pause)
  }
  return outcomes
}

/** A DaemonSet of that name belongs to a new installation, which must not be removed. */
async function rejectRace(request: Request, plan: UninstallPlan): Promise<void> {
  const found = await unless404(request('GET', daemonSetPath(plan)))
  if (found === undefined || text(found, 'metadata', 'deletionTimestamp') !== '') return
  throw new Error(
    `DaemonSet ${plan.namespace}/${plan.daemonSet} exists again: an installation started during this uninstall; run helm uninstall again`,
  )
}

const isOver = ({ phase }: Pod) => phase === 'Succeeded' || phase === 'Failed'

function outcomeOf(pod: Pod, seconds: number): Outcome {
  if (pod.phase === 'Succeeded') return { node: pod.node, ok: true, message: '' }
  const message =
    errorsIn(pod.message) ||
    (isOver(pod) ? 'its pod failed without a message' : `its pod is ${pod.phase || 'not started'} after ${seconds} s`)
  return { node: pod.node, ok: false, message }
}

/** The error lines of `podwire uninstall`'s output; all of it where it has none. */
function errorsIn(message: string): string {
  const lines = message.split('\n')
  const errors = lines.filter((line) => line.startsWith('podwire: ')).map((line) => line.slice('podwire: '.length))
  return (errors.length > 0 ? errors : lines).join('; ')
}

function podFor(pod: JsonObject, node: string, owner: Owner): JsonObject {
  const ownerReferences = [{ apiVersion: 'v1', kind: 'Pod', name: owner.name, uid: owner.uid }]
  return {
    ...pod,
    metadata: { ...(isObject(pod.metadata) ? pod.metadata : {}), ownerReferences },
    // Not by the scheduler, which would wait until a node is schedulable.
    spec: { ...(isObject(pod.spec) ? pod.spec : {}), nodeName: node },
  }
}

/** Those of an earlier try, or all. */
async function removePods(request: Request, plan: UninstallPlan): Promise<void> {
  for (const { name } of await listPods(request, plan.namespace, plan.selector)) {
    await unless404(request('DELETE', `/api/v1/namespaces/${plan.namespace}/pods/${name}`))
  }
}

async function unless404(answer: Promise<unknown>): Promise<unknown> {
  try {
    return await answer
  } catch (error) {
    if (error instanceof ApiError && error.status === 404) return undefined
    throw error
  }
}

const daemonSetPath = ({ namespace, daemonSet }: UninstallPlan) => `/apis/apps/v1/namespaces/${namespace}/daemonsets/${daemonSet}`
const names = (pods: readonly Pod[]) => pods.map(({ name, node }) => `${name} on ${node}`).join(', ')
