// Nodes of kind want inotify instances, of which root has `fs.inotify.max_user_instances` for all programs of the machine: without one kubelet and kube-proxy say
// "too many open files", and the cluster does not come up.

import { readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { join } from 'node:path'

/** As counted on clusters of three nodes. */
const perNode = 20

/** What to do where that many nodes may not get what they want; nothing where they do. */
export function inotifyWarning(nodes: number, used = usedInstances(), limit = readLimit()): string | undefined {
  const wanted = nodes * perNode
  if (used + wanted <= limit) return undefined
  return `kind: ${used} of ${limit} inotify instances are in use and ${nodes} nodes want about ${wanted}: raise fs.inotify.max_user_instances, or end other clusters`
}

const readLimit = () => Number(readFileSync('/proc/sys/fs/inotify/max_user_instances', 'utf8'))

function usedInstances(): number {
  const processes = readdirSync('/proc').filter((name) => /^\d+$/.test(name))
  return processes.flatMap((pid) => openFiles(join('/proc', pid, 'fd'))).filter((target) => target === 'anon_inode:inotify').length
}

function openFiles(folder: string): string[] {
  return orEmpty(() => readdirSync(folder)).flatMap((fd) => orEmpty(() => [readlinkSync(join(folder, fd))]))
}

/** Processes and their files come and go. */
function orEmpty(read: () => string[]): string[] {
  try {
    return read()
  } catch {
    return []
  }
}
