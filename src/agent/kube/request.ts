// Single requests to the API server, JSON in and out: for writes, and for the chart's hooks. Long lists and watches are read by api.ts.

import http from 'node:http'
import https from 'node:https'
import { apiErrorOf } from './api-error.ts'
import { type KubeApiConfig, loadCredentials } from './credentials.ts'

export type Method = 'GET' | 'POST' | 'PATCH' | 'DELETE'

/** Sends JSON (to PATCH: a strategic merge patch) and returns the JSON that comes back. Throws an ApiError where the status is not 2xx. */
export type Request = (method: Method, path: string, body?: object) => Promise<unknown>

const TIMEOUT = 20_000

/** Reads the credentials for each request: requests are few, and tokens are renewed on the disk. */
export function requester(config: KubeApiConfig): Request {
  return async (method, path, body) => {
    const credentials = loadCredentials(config)
    const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json'
    const options: https.RequestOptions = {
      method,
      headers: { Accept: 'application/json', 'Content-Type': type, 'User-Agent': 'podwire-agent' },
    }
    await credentials.applyToHTTPSOptions(options)
    const url = new URL(path, credentials.getCurrentCluster()?.server)
    const { status, text } = await exchange(url, options, body === undefined ? '' : JSON.stringify(body))
    if (status < 200 || status > 299) throw apiErrorOf(status, text, `${method} ${path}`)
    return text === '' ? undefined : JSON.parse(text)
  }
}

function exchange(url: URL, options: https.RequestOptions, body: string): Promise<{ status: number; text: string }> {
  return new Promise((done, fail) => {
    const { request: send } = url.protocol === 'https:' ? https : http
    const request = send(url, options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('error', fail)
      response.on('end', () => done({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }))
    })
    request.setTimeout(TIMEOUT, () => request.destroy(new Error(`${url.pathname}: no answer in ${TIMEOUT / 1000} s`)))
    request.on('error', fail)
    request.end(body)
  })
}
