// Releases that the service did not answer, on disk until it does: one file each, whole or not there, for root only.

import { CniError, ErrTryAgainLater } from '../../cni/error.ts'
import { isObject, parseJson } from '../../cni/json.ts'
import { lockExclusively } from '../../cni/lock.ts'
import { Reader } from '../../cni/reader.ts'
import type { Attachment } from '../../cni/types.ts'
import { O_RDONLY } from '../../host/fcntl.ts'
import { sys } from '../../host/sys.ts'
import { exists, makeDirectories, namesIn, readWhole, removeIfExists, removeTempFiles, replaceText } from '../../host/whole-file.ts'

/** More than a node has pods: beyond this the service is not just unavailable for a while. */
const MAX_RELEASES = 4096
/** A replay has the lock for as long as a few calls of the service take. */
const LOCK_WAIT = 10_000

/** A release, and the service that it is for. */
export interface PendingRelease extends Attachment {
  readonly address: string
}

/** Stores a release, once however often. Throws CniError 11 where there are too many: the runtime repeats its DEL. */
export function storeRelease(directory: string, release: PendingRelease): void {
  makeDirectories(directory, 0o700)
  const path = pathOf(directory, release)
  const { address, network, containerId, ifname } = release
  withLock(directory, LOCK_WAIT, () => {
    if (!exists(path) && namesIn(directory).length >= MAX_RELEASES) throw tooMany(directory, release)
    replaceText(path, `${JSON.stringify({ version: 1, address, network, containerID: containerId, ifname })}\n`, 0o600)
  })
}

/** Forgets a release before its attachment is added once more: replayed later, it would take the new lease away. */
export function dropRelease(directory: string, release: PendingRelease): void {
  const path = pathOf(directory, release)
  if (exists(path)) withLock(directory, LOCK_WAIT, () => removeIfExists(path))
}

/**
 * Runs `send` for the stored releases that `isWanted`, until `limit` went; one for which it returns false stays. Returns how many went; undefined
 * where another process is at it.
 */
export function replayReleases(
  directory: string,
  limit: number,
  isWanted: (release: PendingRelease) => boolean,
  send: (release: PendingRelease) => boolean,
): number | undefined {
  if (namesIn(directory).length === 0) return 0
  return withLock(directory, 0, () => {
    let sent = 0
    removeTempFiles(directory)
    for (const name of namesIn(directory)) {
      if (sent === limit) break
      const release = readRelease(`${directory}/${name}`)
      if (!release || !isWanted(release)) continue
      if (!send(release)) continue
      removeIfExists(`${directory}/${name}`)
      sent++
    }
    return sent
  })
}

/** How many wait. */
export function countReleases(directory: string): number {
  return namesIn(directory).filter((name) => name.endsWith('.json')).length
}

function tooMany(directory: string, { containerId, ifname }: PendingRelease): CniError {
  const what = `store the release of ${containerId} ${ifname}: ${directory} has ${MAX_RELEASES} already`
  return new CniError(
    ErrTryAgainLater,
    what,
    'start the IPAM service, or empty the directory and let the service collect stale leases (GC)',
  )
}

/** Runs `body` alone; with no `wait` it returns undefined where another process has the lock. */
function withLock<T>(directory: string, wait: number, body: () => T): T | undefined {
  const fd = sys.open(directory, O_RDONLY)
  try {
    try {
      lockExclusively(fd, wait, `stored releases are locked by another process: ${directory}`)
    } catch (error) {
      if (wait === 0 && error instanceof CniError && error.code === ErrTryAgainLater) return undefined
      throw error
    }
    return body()
  } finally {
    sys.close(fd)
  }
}

/** Undefined for what is not a release, or is gone by now. */
function readRelease(path: string): PendingRelease | undefined {
  const text = readWhole(path)
  if (text === undefined) return undefined
  try {
    const json = parseJson(text, path)
    const reader = new Reader(isObject(json) ? json : {})
    const [address, network, containerId, ifname] = ['address', 'network', 'containerID', 'ifname'].map((key) => reader.string(key))
    return address && network && containerId && ifname ? { address, network, containerId, ifname } : undefined
  } catch {
    return undefined
  }
}

function pathOf(directory: string, { address, network, containerId, ifname }: PendingRelease): string {
  return `${directory}/${sys.sha512([address, network, containerId, ifname].join('\n')).slice(0, 40)}.json`
}
