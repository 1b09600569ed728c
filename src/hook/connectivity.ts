// `helm test`: a server on every node, and one client that fetches from each by every path to a pod.

import { lookup } from 'node:dns/promises'
import http from 'node:http'
import net from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Request } from '../agent/kube/request.ts'
import { count, listPods, type Pod } from './objects.ts'

export interface ConnectivityPlan {
  readonly namespace: string
  readonly daemonSet: string
  readonly selector: string
  readonly port: number
  /** 0: host ports are not tried. */
  readonly hostPort: number
  /** '' tries no name. */
  readonly dnsName: string
  /** `host:port` to connect to, '' for none. */
  readonly outside: string
  readonly timeoutSeconds: number
}

export interface Check {
  readonly name: string
  readonly ok: boolean
  readonly message: string
}

/** Answers every request with its node's name. */
export function serve(port: number, node: string): void {
  http
    .createServer((request, response) => {
      response.end(`${node} ${request.socket.remoteAddress}\n`)
    })
    .listen(port)
}

/** Waits for the servers, tries everything and returns one check for each. */
export async function checkConnectivity(request: Request, plan: ConnectivityPlan): Promise<Check[]> {
  const servers = await waitForServers(request, plan)
  const fetches = servers.flatMap((pod) => [
    ...pod.ips.map((ip) => check(`pod on ${pod.node}, ${ip}`, () => fetchFrom(ip, plan.port, pod.node))),
    ...(plan.hostPort > 0 ? pod.hostIps : []).map((ip) =>
      check(`host port on ${pod.node}, ${ip}`, () => fetchFrom(ip, plan.hostPort, pod.node)),
    ),
  ])
  const others = [
    ...(plan.dnsName ? [check(`name ${plan.dnsName}`, async () => (await lookup(plan.dnsName)).address)] : []),
    ...(plan.outside ? [check(`outside, ${plan.outside}`, () => connectTo(plan.outside))] : []),
  ]
  return Promise.all([...fetches, ...others])
}

async function waitForServers(request: Request, plan: ConnectivityPlan): Promise<readonly Pod[]> {
  const deadline = performance.now() + plan.timeoutSeconds * 1000
  for (;;) {
    const wanted = await request('GET', `/apis/apps/v1/namespaces/${plan.namespace}/daemonsets/${plan.daemonSet}`)
    const pods = await listPods(request, plan.namespace, plan.selector)
    const ready = pods.filter((pod) => pod.ready)
    const desired = count(wanted, 'status', 'desiredNumberScheduled')
    if (desired > 0 && ready.length >= desired) return ready
    if (performance.now() > deadline) {
      const rest = pods.filter((pod) => !pod.ready).map(({ node, message }) => `${node}${message && ` (${message})`}`)
      throw new Error(
        `${ready.length} of ${desired} servers are ready after ${plan.timeoutSeconds} s; not on ${rest.join(', ') || 'any node'}`,
      )
    }
    await sleep(500)
  }
}

const ATTEMPTS = 3
const TIMEOUT = 3_000

async function check(name: string, run: () => Promise<string>): Promise<Check> {
  for (let attempt = 1; ; attempt++) {
    try {
      return { name, ok: true, message: await run() }
    } catch (error) {
      if (attempt === ATTEMPTS) return { name, ok: false, message: error instanceof Error ? error.message : String(error) }
      await sleep(500)
    }
  }
}

async function fetchFrom(ip: string, port: number, node: string): Promise<string> {
  const response = await fetch(`http://${ip.includes(':') ? `[${ip}]` : ip}:${port}/`, { signal: AbortSignal.timeout(TIMEOUT) })
  const body = (await response.text()).trim()
  if (body.split(' ')[0] !== node) throw new Error(`unexpected answer, not from ${node}: ${body.slice(0, 100)}`)
  return body
}

function connectTo(target: string): Promise<string> {
  const cut = target.lastIndexOf(':')
  return new Promise((done, fail) => {
    const socket = net.connect({
      host: target.slice(0, cut).replace(/^\[|\]$/g, ''),
      port: Number(target.slice(cut + 1)),
      timeout: TIMEOUT,
    })
    socket.on('connect', () => {
      done(socket.remoteAddress ?? '')
      socket.destroy()
    })
    socket.on('timeout', () => socket.destroy(new Error(`no connection in ${TIMEOUT / 1000} s`)))
    socket.on('error', fail)
  })
}
