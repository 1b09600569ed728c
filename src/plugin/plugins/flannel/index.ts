// The plugin `flannel`: what flanneld says of this node, made a configuration for another plugin, which does the work.

import { delegate, delegateAdd } from '../../../cni/delegate.ts'
import { CniError, ErrPluginNotAvailable, gatherErrors } from '../../../cni/error.ts'
import { isObject, type JsonObject } from '../../../cni/json.ts'
import { definePlugin, type GcRequest, type Request, type StatusRequest } from '../../../cni/plugin.ts'
import { cniVersions, type Result } from '../../../cni/types.ts'
import { withUndo } from '../../../cni/undo.ts'
import { version } from '../../version.ts'
import { delegateConfig, type FlannelConfig, readFlannelConfig } from './config.ts'
import { forgetDelegate, forgetStale, keepDelegate, keptDelegate } from './kept.ts'
import { readSubnetEnv } from './subnet-env.ts'

export const program = definePlugin({
  name: 'flannel',
  version,
  supports: cniVersions,
  config: readFlannelConfig,
  add,
  del,
  check,
  gc,
  status,
})

/** What is kept is kept before the delegate begins: DEL comes also where nothing of it has ended. */
function add(request: Request<FlannelConfig>): Result {
  const { config } = request
  const own = delegateConfig(config, readSubnetEnv(config.subnetFile))
  return withUndo((undo) => {
    keepDelegate(config.dataDir, request, own)
    undo('forget the delegate', () => forget(request))
    return delegateAdd(String(own.type), { ...request, stdin: JSON.stringify(withPrevious(own, request)) })
  })
}

/** By what ADD has kept; where that is not there, by what ADD would do now: the pod's interface may still be there. */
function del(request: Request<FlannelConfig>): void {
  const own = keptDelegate(request.config.dataDir, request)?.config ?? currentConfig(request.config)
  if (!own) return
  delegate(String(own.type), 'DEL', { ...request, stdin: JSON.stringify(withPrevious(own, request)) })
  forget(request)
}

function check(request: Request<FlannelConfig>): void {
  const { config } = request
  const own = keptDelegate(config.dataDir, request)?.config ?? delegateConfig(config, readSubnetEnv(config.subnetFile))
  delegate(String(own.type), 'CHECK', { ...request, stdin: JSON.stringify(withPrevious(own, request)) })
}

function gc(request: GcRequest<FlannelConfig>): void {
  const { config, network, valid } = request
  const own = currentConfig(config)
  gatherErrors('GC', [
    () => own && delegate(String(own.type), 'GC', { ...request, stdin: JSON.stringify(withAttachments(own, request)) }),
    () => valid && forgetStale(config.dataDir, network, valid),
  ])
}

/** Code 50 where flanneld has not said anything yet; then whatever the delegate says. */
function status(request: StatusRequest<FlannelConfig>): void {
  const { config } = request
  const own = delegateConfig(config, readSubnetEnv(config.subnetFile))
  delegate(String(own.type), 'STATUS', { ...request, stdin: JSON.stringify(own) })
}

function forget(request: Request<FlannelConfig>): void {
  const kept = keptDelegate(request.config.dataDir, request)
  if (kept) forgetDelegate(kept.path)
}

/** Undefined where flanneld does not say any more. */
function currentConfig(config: FlannelConfig): JsonObject | undefined {
  try {
    return delegateConfig(config, readSubnetEnv(config.subnetFile))
  } catch (error) {
    if (error instanceof CniError && error.code === ErrPluginNotAvailable) return undefined
    throw error
  }
}

/** The delegate is a plugin of the list as flannel is: the result of the one before is its, too. */
function withPrevious(own: JsonObject, { raw }: Request<FlannelConfig>): JsonObject {
  const prevResult = isObject(raw) ? raw.prevResult : undefined
  return prevResult === undefined ? own : { ...own, prevResult }
}

function withAttachments(own: JsonObject, { raw }: GcRequest<FlannelConfig>): JsonObject {
  const given = isObject(raw) ? Object.entries(raw).filter(([key]) => key.startsWith('cni.dev/')) : []
  return { ...own, ...Object.fromEntries(given) }
}
