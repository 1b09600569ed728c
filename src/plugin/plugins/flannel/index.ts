// The plugin `flannel`: turns what flanneld writes about this node into a configuration for another plugin, which does the work.

import { delegate, delegateAdd } from '../../../cni/delegate.ts'
import { CniError, ErrPluginNotAvailable, gatherErrors } from '../../../cni/error.ts'
import { isObject, type JsonObject } from '../../../cni/json.ts'
import { definePlugin, type GcRequest, type Request, type StatusRequest } from '../../../cni/plugin.ts'
import { cniVersions, type Result } from '../../../cni/types.ts'
import { withUndo } from '../../../cni/undo.ts'
import { version } from '../../version.ts'
import { delegateConfig, type FlannelConfig, readFlannelConfig } from './config.ts'
import { deleteDelegate, deleteStale, saveDelegate, savedDelegate } from './saved-delegate.ts'
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

/** The delegate's configuration is saved before the delegate starts: DEL needs it also when ADD does not finish. */
function add(request: Request<FlannelConfig>): Result {
  const { config } = request
  const own = delegateConfig(config, readSubnetEnv(config.subnetFile))
  return withUndo((undo) => {
    saveDelegate(config.dataDir, request, own)
    undo('delete the saved configuration', () => deleteSaved(request))
    return delegateAdd(String(own.type), { ...request, stdin: JSON.stringify(withPrevious(own, request)) })
  })
}

/** With the configuration that ADD saved; without it, with that which ADD would use now: the pod's interface may still exist. */
function del(request: Request<FlannelConfig>): void {
  const own = savedDelegate(request.config.dataDir, request)?.config ?? currentConfig(request.config)
  if (!own) return
  delegate(String(own.type), 'DEL', { ...request, stdin: JSON.stringify(withPrevious(own, request)) })
  deleteSaved(request)
}

function check(request: Request<FlannelConfig>): void {
  const { config } = request
  const own = savedDelegate(config.dataDir, request)?.config ?? delegateConfig(config, readSubnetEnv(config.subnetFile))
  delegate(String(own.type), 'CHECK', { ...request, stdin: JSON.stringify(withPrevious(own, request)) })
}

function gc(request: GcRequest<FlannelConfig>): void {
  const { config, network, valid } = request
  const own = currentConfig(config)
  gatherErrors('GC', [
    () => own && delegate(String(own.type), 'GC', { ...request, stdin: JSON.stringify(withAttachments(own, request)) }),
    () => valid && deleteStale(config.dataDir, network, valid),
  ])
}

/** Code 50 where flanneld has not written its file yet; otherwise the delegate's answer. */
function status(request: StatusRequest<FlannelConfig>): void {
  const { config } = request
  const own = delegateConfig(config, readSubnetEnv(config.subnetFile))
  delegate(String(own.type), 'STATUS', { ...request, stdin: JSON.stringify(own) })
}

function deleteSaved(request: Request<FlannelConfig>): void {
  const saved = savedDelegate(request.config.dataDir, request)
  if (saved) deleteDelegate(saved.path)
}

/** Undefined where flanneld's file is gone. */
function currentConfig(config: FlannelConfig): JsonObject | undefined {
  try {
    return delegateConfig(config, readSubnetEnv(config.subnetFile))
  } catch (error) {
    if (error instanceof CniError && error.code === ErrPluginNotAvailable) return undefined
    throw error
  }
}

/** The delegate is a plugin of the list as flannel is: it gets the previous result as well. */
function withPrevious(own: JsonObject, { raw }: Request<FlannelConfig>): JsonObject {
  const prevResult = isObject(raw) ? raw.prevResult : undefined
  return prevResult === undefined ? own : { ...own, prevResult }
}

function withAttachments(own: JsonObject, { raw }: GcRequest<FlannelConfig>): JsonObject {
  const given = isObject(raw) ? Object.entries(raw).filter(([key]) => key.startsWith('cni.dev/')) : []
  return { ...own, ...Object.fromEntries(given) }
}
