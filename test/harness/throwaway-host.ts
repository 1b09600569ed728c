// Throw-away machines for tests: a "host" with a network, processes and a file system view of its own, and pods in it.
// Everything hangs on one process that reads our pipe: when it goes, or we go, the kernel removes the rest.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'

/** How a program ended: its exit status, or −1 where a signal or the time limit ended it. */
export interface Outcome {
  readonly status: number
  readonly stdout: string
  readonly stderr: string
}

export interface ExecOptions {
  /** Replaces the environment; otherwise it is ours. */
  readonly env?: Readonly<Record<string, string>>
  readonly stdin?: string | Uint8Array
  /** Milliseconds, 30 s where absent. */
  readonly timeout?: number
}

/** A network namespace inside a host, as a container runtime would have made it: only `lo`, and that is down. */
export interface Pod {
  readonly name: string
  /** What CNI_NETNS is set to; the path exists only inside the host. */
  readonly netns: string
  exec(file: string, args?: readonly string[], options?: ExecOptions): Promise<Outcome>
}

export interface CniOptions {
  /** CNI_NETNS. */
  readonly netns?: string
  /** CNI_IFNAME, `eth0` where absent. */
  readonly ifname?: string
  /** CNI_CONTAINERID, `podwire-test` where absent. */
  readonly id?: string
  /** CNI_ARGS. */
  readonly args?: string
  /** CNI_PATH and where the plugin lies: `dist/cni` where absent. */
  readonly path?: string
  /** PATH, ours where absent. */
  readonly PATH?: string
  readonly timeout?: number
}

export interface CniOutcome extends Outcome {
  /** stdout as JSON; undefined where it is empty or is none. */
  readonly json: unknown
}

export interface Host {
  /** An empty folder for data, seen under the same path inside and outside, removed at the end. */
  readonly dir: string
  /** Runs a program in the host, with `/` as its working directory. */
  exec(file: string, args?: readonly string[], options?: ExecOptions): Promise<Outcome>
  /** As `exec`, but a status other than 0 throws what the program said; returns its stdout. */
  run(file: string, ...args: string[]): Promise<string>
  pod(name?: string): Promise<Pod>
  /** Runs one CNI plugin with nothing but the CNI variables and PATH in its environment; a config that is not text is sent as JSON. */
  cni(plugin: string, command: string, config: unknown, options?: CniOptions): Promise<CniOutcome>
}

/** The built plugins. */
export const pluginPath = fileURLToPath(new URL('../../dist/cni', import.meta.url))

/** Why this machine can have no throw-away hosts; undefined where it can. */
export const noHostReason = findReason()

/** Gives `body` a fresh host and removes it afterwards, whatever happens. */
export async function withHost<T>(body: (host: Host) => Promise<T>): Promise<T> {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-test-'))
  const keeper = spawn('sh', ['-c', guard, 'sh', dir, setup], { stdio: 'pipe' })
  const ended = once(keeper, 'close')
  try {
    const pid = await readiness(keeper)
    const inside = ['--target', pid, '--net', '--mount', '--pid', '--']
    return await body(makeHost(dir, (file, args, options) => run('nsenter', [...inside, file, ...args], options)))
  } finally {
    keeper.stdin.end()
    await ended
  }
}

// Outlives us where a time limit ends the whole test process, so that it is the one to clear away.
const guard = `
trap '' INT
unshare --net --mount --pid --fork sh -ec "$2"
status=$?
rm -rf "$1"
exit $status
`

// The first process of the new PID namespace. It learns its outer PID from the old /proc, then covers what names the machine: /proc, /sys, /run;
// /etc, /opt and /var are seen as they are, but writes stay in memory (where the kernel has no overlayfs, /var/lib is empty instead).
const setup = `
read -r pid rest </proc/self/stat
mount -t proc proc /proc
mount -t tmpfs tmpfs /run
mkdir /run/netns /run/lock /run/cgroup
mount --rbind /sys/fs/cgroup /run/cgroup
mount -t sysfs sysfs /sys
mount --rbind /run/cgroup /sys/fs/cgroup
for dir in etc opt var; do
  mkdir -p /run/.written/$dir /run/.work/$dir
  mount -t overlay overlay -o "lowerdir=/$dir,upperdir=/run/.written/$dir,workdir=/run/.work/$dir" /$dir ||
    [ $dir != var ] || mount -t tmpfs tmpfs /var/lib
done
[ -L /var/run ] || mount --rbind /run /var/run
ip link set lo up
echo "ready $pid"
read -r end || exit 0
`

function makeHost(dir: string, exec: (file: string, args: readonly string[], options?: ExecOptions) => Promise<Outcome>): Host {
  let pods = 0
  const host: Host = {
    dir,
    exec: (file, args = [], options) => exec(file, args, options),
    async run(file, ...args) {
      const { status, stdout, stderr } = await exec(file, args)
      if (status !== 0) throw new Error(`${file} ${args.join(' ')}: status ${status}: ${stderr || stdout}`)
      return stdout
    },
    async pod(name = `pod${++pods}`) {
      await host.run('ip', 'netns', 'add', name)
      const netns = `/var/run/netns/${name}`
      return { name, netns, exec: (file, args = [], options) => exec('nsenter', [`--net=${netns}`, '--', file, ...args], options) }
    },
    async cni(plugin, command, config, { netns, ifname = 'eth0', id = 'podwire-test', args, path = pluginPath, PATH, timeout } = {}) {
      const env = {
        PATH: PATH ?? process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
        CNI_COMMAND: command,
        CNI_PATH: path,
        CNI_CONTAINERID: id,
        CNI_IFNAME: ifname,
        ...(netns !== undefined && { CNI_NETNS: netns }),
        ...(args !== undefined && { CNI_ARGS: args }),
      }
      const stdin = typeof config === 'string' ? config : JSON.stringify(config)
      const file = resolve(path.split(':')[0] ?? '', plugin)
      const outcome = await exec(file, [], { env, stdin, ...(timeout !== undefined && { timeout }) })
      return { ...outcome, json: parseOrNothing(outcome.stdout) }
    },
  }
  return host
}

function run(file: string, args: readonly string[], { env, stdin = '', timeout = 30_000 }: ExecOptions = {}): Promise<Outcome> {
  return new Promise((done, fail) => {
    // A process group of its own: at the limit the program has to die, not only the nsenter in front of it.
    const child = spawn(file, args, { stdio: 'pipe', detached: true, ...(env && { env }) })
    const limit = setTimeout(() => killGroup(child), timeout)
    const stdout: Buffer[] = []
    const stderr: Buffer[] = []
    child.stdout.on('data', (part) => stdout.push(part))
    child.stderr.on('data', (part) => stderr.push(part))
    child.on('error', fail)
    child.on('close', (code) => {
      clearTimeout(limit)
      done({ status: code ?? -1, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() })
    })
    // A program that does not read its stdin is no failure.
    child.stdin.on('error', () => {})
    child.stdin.end(stdin)
  })
}

function killGroup(child: ChildProcess): void {
  try {
    if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
  } catch {
    // It has ended, and something that it left in the background holds its pipes.
  }
  child.stdout?.destroy()
  child.stderr?.destroy()
}

/** The outer PID of the host's first process, once its namespaces are set up. */
function readiness(keeper: ChildProcess): Promise<string> {
  return new Promise((done, fail) => {
    let said = ''
    let stderr = ''
    keeper.stderr?.on('data', (part) => {
      stderr += part
    })
    keeper.stdout?.on('data', (part) => {
      said += part
      const pid = /^ready (\d+)$/m.exec(said)?.[1]
      if (pid) done(pid)
    })
    keeper.on('error', fail)
    keeper.on('close', (code) => fail(new Error(`no test host: unshare ended with ${code}: ${stderr}`)))
  })
}

function findReason(): string | undefined {
  if (process.getuid?.() !== 0) return 'needs root'
  const probe = spawnSync('unshare', ['--net', '--mount', '--pid', '--fork', 'ip', 'link', 'set', 'lo', 'up'], { encoding: 'utf8' })
  if (probe.error) return `unshare does not run: ${probe.error.message}`
  return probe.status === 0 ? undefined : `no namespaces here: ${probe.stderr.trim()}`
}

function parseOrNothing(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** True where this kernel can make a link of `kind` (as in `ip link add … type KIND`); asked of a namespace of its own. */
export function kernelHasLink(...link: string[]): boolean {
  return noHostReason === undefined && spawnSync('unshare', ['--net', 'ip', 'link', 'add', 'probe', 'type', ...link]).status === 0
}
