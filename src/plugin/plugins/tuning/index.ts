// The plugin `tuning`: kernel parameters and attributes of an interface that another plugin has made. Chained behind it.

import { requirePrevResult } from '../../../cni/config.ts'
import { CniError, ErrPluginNotAvailable } from '../../../cni/error.ts'
import { definePlugin, type Request, type StatusRequest } from '../../../cni/plugin.ts'
import { cniVersions, type Interface, type Result } from '../../../cni/types.ts'
import { withUndo } from '../../../cni/undo.ts'
import { isSysError } from '../../../host/error.ts'
import { sys } from '../../../host/sys.ts'
import { directoryOf, exists } from '../../../host/whole-file.ts'
import { formatMac } from '../../../net/mac.ts'
import { withPod, withPodIfExists } from '../../pod/namespace.ts'
import { dropInVersion } from '../../version.ts'
import { checkAllowed } from './allowlist.ts'
import { checkTuned, findTuned, observe, restore, tune } from './apply.ts'
import { deleteBackup, deleteStaleBackups, readBackup, saveBackup } from './backup.ts'
import { changesLink, readTuningConfig, type TuningConfig } from './config.ts'
import { rejectDuplicateSysctls } from './duplicates.ts'

export const program = definePlugin({
  name: 'tuning',
  version: dropInVersion,
  supports: cniVersions,
  config: readTuningConfig,
  add,
  del,
  check,
  gc: ({ config, network, valid }) => (valid ? deleteStaleBackups(config.dataDir, network, valid) : undefined),
  status,
})

const W_OK = 2
const X_OK = 1

function add(request: Request<TuningConfig>): Result {
  const { config, ifname, netns } = request
  const prevResult = requirePrevResult(request, 'ADD')
  rejectDuplicateSysctls(request.stdin)
  checkAllowed(config.sysctls)
  return withPod(netns, (pod) =>
    withUndo((undo) => {
      const link = findTuned(pod, config, ifname, netns)
      const before = observe(pod, link, config, ifname)
      if (isChange(config)) {
        const isRepeated = readBackup(config.dataDir, request) !== undefined
        saveBackup(config.dataDir, request, before)
        if (!isRepeated) undo('remove the backup', () => deleteBackup(config.dataDir, request))
      }
      undo('restore the interface', () => restore(pod, ifname, before))
      tune(pod, link, config, ifname)
      return tunedResult(request, prevResult)
    }),
  )
}

/** Succeeds without the namespace: then there is nothing to restore. */
function del(request: Request<TuningConfig>): void {
  const { config, ifname, netns } = request
  const backup = readBackup(config.dataDir, request)
  if (backup) withPodIfExists(netns, (pod) => restore(pod, ifname, backup))
  deleteBackup(config.dataDir, request)
}

function check(request: Request<TuningConfig>): void {
  const { config, ifname, netns } = request
  requirePrevResult(request, 'CHECK')
  rejectDuplicateSysctls(request.stdin)
  withPod(netns, (pod) => checkTuned(pod, findTuned(pod, config, ifname, netns), config, ifname))
}

/** Ready where a backup can be saved and the configured parameters are allowed. */
function status({ config }: StatusRequest<TuningConfig>): void {
  try {
    checkAllowed(config.sysctls)
    let directory = config.dataDir
    while (!exists(directory) && directory !== '/') directory = directoryOf(directory)
    if (isChange(config)) sys.access(directory, W_OK | X_OK)
  } catch (error) {
    if (!isSysError(error) && !(error instanceof CniError)) throw error
    throw new CniError(ErrPluginNotAvailable, error.message)
  }
}

function isChange(config: TuningConfig): boolean {
  return config.sysctls.length > 0 || changesLink(config)
}

/** With what has changed of the pod's interface. A link of that name on the host is not the pod's; old plugins name no sandbox. */
function tunedResult({ config: { mac, mtu }, ifname, cniVersion }: Request<TuningConfig>, result: Result): Result {
  const named = result.interfaces.filter(({ name }) => name === ifname)
  const own = named.some(({ sandbox }) => sandbox) ? named.filter(({ sandbox }) => sandbox) : named
  const tuned = (entry: Interface) => ({
    ...entry,
    ...(mac && { mac: formatMac(mac) }),
    // Before 1.1.0 only where the previous result has one.
    ...(mtu !== undefined && (cniVersion === '1.1.0' || entry.mtu !== undefined) && { mtu }),
  })
  const interfaces = result.interfaces.map((entry) => (own.includes(entry) ? tuned(entry) : entry))
  return { ...result, interfaces }
}
