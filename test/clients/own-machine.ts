// A host with control groups of its own, for runtimes that make some for their containers: the machine's stay as they were.

import { execFileSync } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Host, withHost } from '../harness/netns.ts'

const cgroups = fileURLToPath(new URL('../../e2e/cluster/cgroups.sh', import.meta.url))
const enter = fileURLToPath(new URL('own-cgroups.sh', import.meta.url))

/** Starts a daemon in the host's groups, its output in `<host.dir>/<name>.log`. */
export type StartDaemon = (name: string, ...command: string[]) => Promise<void>

/** As withHost; the first daemon that is started puts its groups in the place of the machine's. */
export async function withOwnMachine<T>(body: (host: Host, startDaemon: StartDaemon) => Promise<T>): Promise<T> {
  const name = `podwire-${randomUUID()}`
  const groups = execFileSync('sh', [cgroups, 'make', name, 'host'], { encoding: 'utf8' })
  try {
    return await withHost(async (host) => {
      const list = join(host.dir, 'cgroups')
      writeFileSync(list, groups)
      return body(host, async (daemon, ...command) => {
        const script = 'log=$1; shift; "$@" >"$log" 2>&1 </dev/null &'
        await host.run('sh', '-c', script, 'sh', join(host.dir, `${daemon}.log`), 'sh', enter, list, ...command)
      })
    })
  } finally {
    execFileSync('find', ['/sys/fs/cgroup', '-depth', '-type', 'd', '-path', `*/${name}*`, '-exec', 'rmdir', '{}', ';'])
  }
}
