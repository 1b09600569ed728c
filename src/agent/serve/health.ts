// What the agent serves over HTTP: /metrics for Prometheus, /healthz and /readyz for the kubelet, /status for operators.

import { createServer, type Server, type ServerResponse } from 'node:http'
import type { Registry } from 'prom-client'
import type { AgentConfig } from '../config.ts'
import { reasonOf } from '../failure.ts'
import type { Logger } from '../log.ts'
import type { Heartbeats } from '../loop/heartbeat.ts'
import { listening, serveUntil } from '../loop/serve-until.ts'
import type { AgentState } from '../report/agent-state.ts'
import { isReady, readyChecks } from '../report/ready.ts'
import { statusOf } from '../report/status.ts'

export interface HealthParts {
  readonly agentState: AgentState
  readonly heartbeats: Heartbeats
  readonly registry: Registry
  readonly log: Logger
}

/** Serves until `signal`. A port in use is logged once and retried. */
export function serveHealth({ host, port }: NonNullable<AgentConfig['listen']>, parts: HealthParts, signal: AbortSignal): Promise<void> {
  const { log } = parts
  const listen = async (): Promise<Server> => {
    const server = createServer(
      { maxHeaderSize: 8 << 10, requestTimeout: 10_000, headersTimeout: 5_000, keepAliveTimeout: 30_000 },
      (request, response) => {
        if (request.method !== 'GET' && request.method !== 'HEAD') return send(response, 405, 'text/plain', 'GET only\n')
        answer(new URL(request.url ?? '/', 'http://agent').pathname, response, parts).catch((error) => {
          send(response, 500, 'text/plain', `${reasonOf(error)}\n`)
        })
      },
    )
    // Without a host: all addresses of both families.
    await listening(server, (done) => (host ? server.listen(port, host, done) : server.listen(port, done)))
    const address = server.address()
    log.info(
      { address: typeof address === 'object' ? address?.address : address, port: typeof address === 'object' ? address?.port : 0 },
      'serving metrics and health',
    )
    return server
  }
  return serveUntil(signal, listen, (reason) => log.error({ reason }, 'cannot serve metrics and health; retrying'))
}

async function answer(path: string, response: ServerResponse, { agentState, heartbeats, registry }: HealthParts): Promise<void> {
  if (path === '/healthz') {
    const stuck = heartbeats.stuck()
    return send(response, stuck.length === 0 ? 200 : 503, 'text/plain', stuck.length === 0 ? 'ok\n' : `${stuck.join('\n')}\n`)
  }
  if (path === '/readyz') {
    const checks = readyChecks(agentState)
    const lines = checks.map(({ name, ok, why }) => (ok ? `ok ${name}\n` : `not ready ${name}: ${why}\n`))
    return send(response, isReady(checks) ? 200 : 503, 'text/plain', lines.join(''))
  }
  if (path === '/status') return send(response, 200, 'application/json', `${JSON.stringify(statusOf(agentState), undefined, 2)}\n`)
  if (path === '/metrics') return send(response, 200, registry.contentType, await registry.metrics())
  send(response, 404, 'text/plain', '/metrics /healthz /readyz /status\n')
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, { 'Content-Type': type, 'Content-Length': Buffer.byteLength(body) })
  response.end(body)
}
