// Errors that the API server answers with.

import { isObject, type Json } from '../../cni/json.ts'

/** `status` as in HTTP. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  /** Milliseconds that the server requests to wait; 0 where it does not. */
  readonly retryAfter: number

  constructor(status: number, message: string, retryAfter = 0) {
    super(message)
    this.status = status
    this.retryAfter = retryAfter
  }
}

/** Retry-After in whole seconds; the form with a date is not used by API servers. A minute at most, so that no answer can stop a node for a day. */
export function retryAfterOf(header: string | undefined): number {
  const seconds = Number(header)
  return header !== undefined && Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds, 60) * 1000 : 0
}

/** From an HTTP answer: `body` is a Status object, or a page of a proxy in between. */
export function apiErrorOf(status: number, body: string, what: string, retryAfter = 0): ApiError {
  return new ApiError(status, `${what}: ${status} ${messageIn(body)}`, retryAfter)
}

/** From an ERROR event of a watch: its object is a Status. */
export function watchErrorOf(object: Json | undefined): ApiError {
  const status = isObject(object) && typeof object.code === 'number' ? object.code : 500
  const message = isObject(object) && typeof object.message === 'string' ? object.message : 'no message'
  return new ApiError(status, `the watch ended: ${status} ${message}`)
}

/** The resourceVersion or continuation of the request is too old for the server: a new list is needed. */
export function isGone(error: unknown): boolean {
  return error instanceof ApiError && error.status === 410
}

function messageIn(body: string): string {
  try {
    const status: unknown = JSON.parse(body)
    if (typeof status === 'object' && status !== null && 'message' in status && typeof status.message === 'string') return status.message
  } catch {
    // A proxy's page.
  }
  return body.trim().slice(0, 200) || 'no message'
}
