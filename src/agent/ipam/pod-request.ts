// A pod's wishes for its address: annotations of the pod, else of its namespace; and whether it has a name that comes back.

import { isObject, type Json } from '../../cni/json.ts'
import { reasonOf } from '../failure.ts'
import { ApiError } from '../kube/api-error.ts'
import type { Request } from '../kube/request.ts'
import { IpamError } from './protocol.ts'

export const POOL_ANNOTATION = 'podwire.dev/pool'
export const IPS_ANNOTATION = 'podwire.dev/ips'

export interface PodRequest {
  /** '' for the default pool. */
  readonly pool: string
  readonly ips: readonly string[]
  /** True for a pod of a StatefulSet. */
  readonly sticky: boolean
}

/** Milliseconds for both objects together. */
const LIMIT = 4_000

/** Looks a pod up; an API server that does not answer is `unavailable`: an address of the wrong pool would stay for the pod's life. */
export type FindPod = (namespace: string, name: string) => Promise<PodRequest>

export function podFinder(request: Request): FindPod {
  const get = async (path: string): Promise<Json | undefined> => {
    try {
      // What an API server sends is JSON.
      return (await within(request('GET', path))) as Json
    } catch (error) {
      if (error instanceof ApiError && error.status === 404) return undefined
      throw new IpamError('unavailable', `look up ${path}: ${reasonOf(error)}`)
    }
  }
  return async (namespace, name) => {
    const above = `/api/v1/namespaces/${encodeURIComponent(namespace)}`
    const pod = metadataOf(await get(`${above}/pods/${encodeURIComponent(name)}`))
    const own = pod.annotations[POOL_ANNOTATION]
    const pool = own ?? metadataOf(await get(above)).annotations[POOL_ANNOTATION] ?? ''
    const ips = (pod.annotations[IPS_ANNOTATION] ?? '').split(',').map((text) => text.trim())
    return { pool, ips: ips.filter(Boolean), sticky: pod.owners.includes('StatefulSet') }
  }
}

function metadataOf(object: Json | undefined): { annotations: Readonly<Record<string, string | undefined>>; owners: readonly string[] } {
  const metadata = isObject(object) && isObject(object.metadata) ? object.metadata : {}
  const annotations = Object.entries(isObject(metadata.annotations) ? metadata.annotations : {})
  const owners = Array.isArray(metadata.ownerReferences) ? metadata.ownerReferences : []
  return {
    annotations: Object.fromEntries(annotations.flatMap(([key, value]) => (typeof value === 'string' ? [[key, value]] : []))),
    owners: owners.flatMap((owner: Json) => (isObject(owner) && typeof owner.kind === 'string' ? [owner.kind] : [])),
  }
}

function within<T>(work: Promise<T>): Promise<T> {
  return Promise.race([
    work,
    new Promise<never>((_, fail) => {
      setTimeout(() => fail(new Error(`no answer in ${LIMIT / 1000} s`)), LIMIT).unref()
    }),
  ])
}
