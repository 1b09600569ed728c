// The world of one cluster: the processes and files that all of it hangs on, whose end is the end of everything. Knows boxes, but not what runs in them.

import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { basename, join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { mustRun } from '../command.ts'

const script = (name: string) => fileURLToPath(new URL(name, import.meta.url))

/** The folder of the cluster that E2E_NAME names; two of different names may be up at once. It has to be on a disk, and not under /etc, /opt or /var. */
export function stateFolder(number = 1, name = process.env.E2E_NAME ?? 'podwire-e2e'): string {
  return join(cacheFolder(), 'e2e', number === 1 ? name : `${name}-${number}`)
}

/** What is kept on this machine. */
export const cacheFolder = () => join(process.env.XDG_CACHE_HOME ?? join(homedir(), '.cache'), 'podwire')

/** What a world begins with: the script of its first process, and how a user ends one that stayed. */
export interface WorldKind {
  readonly script: string
  readonly env: Readonly<Record<string, string>>
  readonly end: string
}

const ofNamespaces: WorldKind = {
  script: script('world.sh'),
  env: {},
  end: '`node e2e/cluster/main.ts down`, or set E2E_NAME for a second one',
}

/** Begins a world; it ends with this process, or, where it is to stay, with `endWorld`. Throws where one is there already. */
export async function beginWorld(state: string, stay: boolean, world = ofNamespaces): Promise<void> {
  // One whose driver was killed is about to end.
  for (let tries = 0; worldPid(state) !== undefined && tries < 20; tries++) await sleep(100)
  const pid = worldPid(state)
  if (pid !== undefined) {
    throw new Error(`a cluster is up already (process ${pid}): end it with ${world.end}`)
  }
  await removeState(state)
  mkdirSync(state, { recursive: true, mode: 0o700 })
  await startKeeper(state, stay, world)
  for (let tries = 0; !existsSync(join(state, 'world')); tries++) {
    if (tries === 100) throw new Error(`the world did not begin: ${readOrNothing(join(state, 'keeper.log'))}`)
    await sleep(50)
  }
}

async function startKeeper(state: string, stay: boolean, world: WorldKind): Promise<void> {
  const log = openSync(join(state, 'keeper.log'), 'a')
  const fifo = join(state, 'stay')
  if (stay) await mustRun(['mkfifo', fifo])
  // A FIFO that its reader could also write never comes to its end; our pipe does when we do.
  const stdin = stay ? openSync(fifo, 'r+') : 'pipe'
  const keeper = spawn('sh', [script('keeper.sh'), state, world.script], {
    stdio: [stdin, log, log],
    detached: true,
    env: { ...process.env, ...world.env },
  })
  keeper.unref()
  // The pipe must neither hold this process nor be closed by the garbage collector while this process lives.
  const pipe = keeper.stdin
  if (pipe === null) return
  if ('unref' in pipe && typeof pipe.unref === 'function') pipe.unref()
  lifelines.set(state, pipe)
}

const lifelines = new Map<string, NodeJS.WritableStream>()

/** Ends every process of the cluster and waits until its files are gone; harmless where there is none. */
export async function endWorld(state: string): Promise<void> {
  const pid = worldPid(state)
  if (pid !== undefined) process.kill(pid, 'SIGKILL')
  for (let tries = 0; pid !== undefined && existsSync(state) && tries < 100; tries++) await sleep(100)
  await removeState(state)
}

/** What a world that ended without its keeper has left. */
async function removeState(state: string): Promise<void> {
  if (!existsSync(state)) return
  await mustRun(['sh', script('cgroups.sh'), 'remove', state])
  rmSync(state, { recursive: true, force: true })
}

/** The world's first process, as this machine numbers it; undefined where there is no such world. */
export const worldPid = (state: string) => livePid(join(state, 'world'), 'world.sh')
/** A box's first process; undefined where it is off or still starting. */
export const boxPid = (state: string, box: string) => livePid(join(state, box, 'pid'), `${state} ${box}`)

/** The process that a file names, if it still is the one: numbers are used again. */
function livePid(file: string, command: string): number | undefined {
  const pid = Number(readOrNothing(file))
  const line = pid > 0 ? readOrNothing(`/proc/${pid}/cmdline`).replaceAll('\0', ' ') : ''
  return line.includes(command) ? pid : undefined
}

/** How to run a program on this machine, but in the world's network, and so that it ends with the world. */
export const inWorld = (state: string): string[] => ['nsenter', '-t', String(worldPid(state) ?? 'no-world'), '-n', '-p', '--']

/** How to run a program in a box. */
export const inBox = (state: string, box: string): string[] => ['sh', script('enter.sh'), state, box]

export interface Plug {
  readonly segment: 0 | 1
  readonly addresses: readonly string[]
  readonly gateways: readonly string[]
  /** A node forwards; the control plane does not. */
  readonly forwards: boolean
}

/** Gives a box its network: one interface, eth0, on its segment. */
export async function plugIn(state: string, box: string, { segment, addresses, gateways, forwards }: Plug): Promise<void> {
  const lines = [
    `ip netns add ${box}`,
    `ip link add ${box} master br${segment} type veth peer name eth0 netns ${box}`,
    `ip link set ${box} up`,
    `ip -n ${box} link set lo up`,
    `ip -n ${box} link set eth0 up`,
    ...addresses.map(
      (address) => `ip -n ${box} address add ${address.includes(':') ? `${address}/64 dev eth0 nodad` : `${address}/24 dev eth0`}`,
    ),
    ...gateways.map((gateway) => `ip -n ${box} route add default via ${gateway}`),
    ...(forwards ? [`ip netns exec ${box} sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1`] : []),
  ]
  await mustRun([...inWorldWithMounts(state), 'sh', '-ec', lines.join('\n')])
}

/** Takes a box's network away; what it had in it is gone. */
export async function unplug(state: string, box: string): Promise<void> {
  // Deleted by name: the namespace itself goes when its last user does, a moment later.
  await mustRun([...inWorldWithMounts(state), 'sh', '-ec', `ip link delete ${box}; ip netns delete ${box}`])
}

/** Starts a box's first process; `role` is a script in this directory. */
export async function startBox(state: string, box: string, role: string, env: Readonly<Record<string, string>>): Promise<void> {
  const own = join(state, box)
  mkdirSync(own, { recursive: true })
  rmSync(join(own, 'pid'), { force: true })
  const groups = join(own, 'cgroups')
  if (!existsSync(groups)) writeFileSync(groups, await mustRun(['sh', script('cgroups.sh'), 'make', basename(state), box]))
  const log = openSync(join(own, 'init.log'), 'a')
  const [file = '', ...args] = [...inWorldWithMounts(state, '-p'), 'sh', script('box.sh'), state, box, role]
  spawn(file, args, { stdio: ['ignore', log, log], detached: true, env: { ...process.env, ...env } }).unref()
}

/** Ends a box as a power cut does. */
export async function stopBox(state: string, box: string): Promise<void> {
  const pid = boxPid(state, box)
  if (pid === undefined) return
  process.kill(pid, 'SIGKILL')
  // The kernel ends the box's processes before their first one disappears.
  for (let tries = 0; existsSync(`/proc/${pid}`) && tries < 200; tries++) await sleep(50)
  rmSync(join(state, box, 'pid'), { force: true })
}

const inWorldWithMounts = (state: string, ...more: string[]) => [
  'nsenter',
  '-t',
  String(worldPid(state) ?? 'no-world'),
  '-n',
  '-m',
  ...more,
  '--',
]

/** The last lines that a box's first process or one of its daemons wrote. */
export function tailLog(state: string, box: string, name?: string, lines = 15): string {
  const text = readOrNothing(name === undefined ? join(state, box, 'init.log') : join(state, box, 'log', `${name}.log`))
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}

export function readOrNothing(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
