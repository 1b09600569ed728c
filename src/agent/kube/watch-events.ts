// Takes a watch apart while it arrives: one event a line (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).

import { CniError, ErrDecodingFailure } from '../../cni/error.ts'
import { isObject, type Json, type JsonObject, parseJson } from '../../cni/json.ts'
import { Lines } from '../loop/lines.ts'
import { watchErrorOf } from './api-error.ts'
import type { Sink } from './sink.ts'

export interface WatchHandler {
  /** ADDED or MODIFIED. */
  set(object: Json | undefined): void
  deleted(object: Json | undefined): void
  /** After every event, bookmarks included: the version that a next watch continues from. */
  seen(resourceVersion: string): void
}

/** Throws an ApiError for an ERROR event, a CniError for what is no event. */
export class WatchEvents implements Sink {
  readonly #handler: WatchHandler
  readonly #lines = new Lines((line) => this.#take(line))

  constructor(handler: WatchHandler) {
    this.#handler = handler
  }

  write(chunk: Buffer): void {
    this.#lines.write(chunk)
  }

  #take(line: string): void {
    if (line.trim() === '') return
    const event = parseJson(line, 'an event of the watch')
    if (!isObject(event)) throw new CniError(ErrDecodingFailure, 'an event of the watch is not an object')
    if (event.type === 'ERROR') throw watchErrorOf(event.object)
    if (event.type === 'DELETED') this.#handler.deleted(event.object)
    else if (event.type !== 'BOOKMARK') this.#handler.set(event.object)
    this.#handler.seen(resourceVersionOf(event.object))
  }
}

/** '' where it has none. Of a list as of an object. */
export function resourceVersionOf(object: Json | undefined): string {
  const { resourceVersion } = metadataOf(object)
  return typeof resourceVersion === 'string' ? resourceVersion : ''
}

export function metadataOf(object: Json | undefined): JsonObject {
  const metadata = isObject(object) ? object.metadata : undefined
  return isObject(metadata) ? metadata : {}
}
