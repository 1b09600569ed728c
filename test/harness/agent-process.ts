// The agent as a process, bundled as it ships, beside a native program that is a few lines of sh where the kernel is not the point.

import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = fileURLToPath(new URL('../..', import.meta.url))
const folders: string[] = []

export function temporaryFolder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'podwire-agent-'))
  folders.push(dir)
  return dir
}

let built: string | undefined

/** The start script's path; built once a test file. */
export function buildAgent(): string {
  if (built === undefined) {
    built = temporaryFolder()
    execFileSync('sh', ['build/agent.sh', built], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] })
  }
  return join(built, 'podwire-agent')
}

/** The input of each `podwire node …`, and its answer. */
export interface FakeNative {
  readonly program: string
  /** The NodeStates that were applied, oldest first. */
  applied(): { node: { name: string; podCidrs: string[] }; peers: { name: string }[] }[]
  /** The NodeStates of peers that have just joined. */
  welcomed(): { peers: { name: string }[] }[]
  published(): { podCidrs: string[]; mtu: number }[]
  /** Lets `apply` answer this, with this status. */
  answer(report: unknown, status?: number): void
  /** A line of `node watch`. */
  emit(event: object): void
}

// `node publish` writes a conflist as the real one does; `node watch` gives out what is put into its file.
const script = `#!/bin/sh
here=$(dirname "$0")
conf=
state=
while [ $# -gt 0 ]; do
  case $1 in
  --conf-dir) conf=$2; shift ;;
  --conf-name) name=$2; shift ;;
  --state-dir) state=$2; shift ;;
  -*) shift ;;
  *) verb="$verb $1" ;;
  esac
  shift
done
case $verb in
" version"*) cat "$here/version" ;;
" node apply")
  cat >"$here/input.$$"
  mkdir -p "$state" && cp "$here/input.$$" "$state/desired.json.new" && mv "$state/desired.json.new" "$state/desired.json"
  { cat "$here/input.$$"; echo; } >>"$here/applied"
  rm "$here/input.$$"
  cat "$here/report"
  exit "$(cat "$here/status")"
  ;;
" node add-peers")
  { cat; echo; } >>"$here/welcomed"
  echo '{}'
  ;;
" node publish")
  input=$(cat)
  printf '%s\\n' "$input" >>"$here/published"
  content="{\\"published\\":$input}"
  sum=$(printf %s "$content" | sha256sum | cut -d' ' -f1)
  changed=false
  if [ "$(cat "$conf/$name" 2>/dev/null)" != "$content" ]; then
    printf %s "$content" >"$conf/.new" && mv "$conf/.new" "$conf/$name"
    changed=true
  fi
  echo "{\\"published\\":true,\\"changed\\":$changed,\\"path\\":\\"$conf/$name\\",\\"sha256\\":\\"$sum\\",\\"others\\":[],\\"problems\\":[]}"
  ;;
" node watch")
  echo '{"event":"ready"}'
  tail --pid=$$ -n 0 -f "$here/events" &
  trap 'kill $!' EXIT TERM
  cat >/dev/null
  ;;
esac
`

/** A native program in a folder of its own. */
export function fakeNative(): FakeNative {
  const dir = temporaryFolder()
  const program = join(dir, 'podwire')
  const write = (name: string, text: string) => writeFileSync(join(dir, name), text)
  write('podwire', script)
  chmodSync(program, 0o755)
  write('version', JSON.stringify({ version: '0.0.1', protocol: 1 }))
  write('events', '')
  const native: FakeNative = {
    program,
    applied: () => jsonLines(join(dir, 'applied')),
    welcomed: () => jsonLines(join(dir, 'welcomed')),
    published: () => jsonLines(join(dir, 'published')),
    answer(report, status = 0) {
      write('report', JSON.stringify(report))
      write('status', String(status))
    },
    emit: (event) => writeFileSync(join(dir, 'events'), `${JSON.stringify(event)}\n`, { flag: 'a' }),
  }
  native.answer(goodReport)
  return native
}

export const goodReport = {
  protocol: 1,
  changed: {},
  routes: { desired: 1, actual: 1 },
  mtu: 1450,
  vxlan: false,
  problems: [],
  peers: [],
  drift: {},
}

// biome-ignore lint/suspicious/noExplicitAny: what a test asks of it, the test knows
function jsonLines(path: string): any[] {
  if (!existsSync(path)) return []
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => JSON.parse(line))
}

export interface AgentOptions {
  readonly native: string
  /** Written to a file and given as --config; its paths default to folders in `dir`. */
  readonly config: Readonly<Record<string, unknown>>
  /** Where its files lie; a new folder where absent. */
  readonly dir?: string
  readonly flags?: readonly string[]
  /** For Node.js itself. */
  readonly nodeFlags?: readonly string[]
  /** Runs before: `ip netns exec …`, `nsenter …`. */
  readonly prefix?: readonly string[]
}

/** Has a lifetime: ends with `stop` or `kill`. */
export interface Agent {
  readonly dir: string
  readonly pid: number
  /** The log so far, line by line. */
  log(): Record<string, unknown>[]
  /** Of the agent's own server. */
  get(path: string): Promise<{ status: number; body: string }>
  /** SIGTERM; returns how long it took, in milliseconds. */
  stop(): Promise<number>
  kill(): Promise<void>
  /** The exit code, once it has ended. */
  ended: Promise<number | null>
  stderr(): string
}

const running = new Set<ChildProcess>()

/** Ends what was started here and removes its folders. */
export function cleanUpAgents(): void {
  for (const child of running) child.kill('SIGKILL')
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true })
  built = undefined
}

/** Starts the agent on a port of its own; `get` waits until it serves. */
export async function startAgent({
  native,
  config,
  dir = temporaryFolder(),
  flags = [],
  nodeFlags = [],
  prefix = [],
}: AgentOptions): Promise<Agent> {
  for (const name of ['state', 'run', 'conf', 'bin']) mkdirSync(join(dir, name), { recursive: true })
  const paths = { stateDir: join(dir, 'state'), runDir: join(dir, 'run'), confDir: join(dir, 'conf'), binDir: join(dir, 'bin') }
  const file = join(dir, 'agent.json')
  writeFileSync(file, JSON.stringify({ nodeName: 'self', native, listen: '127.0.0.1:0', logLevel: 'debug', ...paths, ...config }))
  const [command = '', ...args] = [...prefix, buildAgent(), '--config', file, ...flags]
  const env = { ...process.env, NODE: process.execPath, NODE_OPTIONS: nodeFlags.join(' ') }
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], env })
  running.add(child)
  let out = ''
  let err = ''
  child.stdout.on('data', (part) => {
    out += part
  })
  child.stderr.on('data', (part) => {
    err += part
  })
  const ended = new Promise<number | null>((done) =>
    child.on('close', (code) => {
      running.delete(child)
      done(code)
    }),
  )
  const agent: Agent = {
    dir,
    pid: child.pid ?? -1,
    // The last line may be half there.
    log: () =>
      out
        .split('\n')
        .slice(0, -1)
        .map((line) => JSON.parse(line)),
    async get(path) {
      const port = await eventually(() => agent.log().find(({ msg }) => msg === 'serving metrics and health')?.port)
      const response = await fetch(`http://127.0.0.1:${port}${path}`)
      return { status: response.status, body: await response.text() }
    },
    async stop() {
      const started = performance.now()
      child.kill('SIGTERM')
      await ended
      return performance.now() - started
    },
    async kill() {
      child.kill('SIGKILL')
      await ended
    },
    ended,
    stderr: () => err,
  }
  return agent
}

/** The command that installs with the paths that `startAgent` gives an agent in `dir`. */
export function installInto(dir: string, program: string): string[] {
  const paths = { state: 'state', run: 'run', conf: 'conf', bin: 'bin' }
  return [program, 'install', ...Object.entries(paths).flatMap(([flag, name]) => [`--${flag}-dir`, join(dir, name)])]
}

/** A second of a machine that has nothing else to do; more on one that is busier than it has processors. Milliseconds. */
export function fairSecond(): number {
  return 1_000 * Math.max(1, (loadavg()[0] ?? 0) / availableParallelism())
}

/** Asks until there is an answer other than undefined and false; throws after `limit` milliseconds, with what the last failure was. */
export async function eventually<T>(ask: () => T | Promise<T>, limit = 10_000): Promise<NonNullable<T>> {
  const end = performance.now() + limit
  let failure: unknown
  for (;;) {
    try {
      const answer = await ask()
      if (answer !== undefined && answer !== null && answer !== false) return answer
      failure = undefined
    } catch (error) {
      failure = error
    }
    if (performance.now() > end) throw failure ?? new Error(`not so within ${limit} ms: ${ask}`)
    await new Promise((done) => setTimeout(done, 15))
  }
}

/** A kubeconfig for the fake API server, in `dir`. */
export function writeKubeconfig(dir: string, server: string, user: object = {}): string {
  const path = join(dir, 'kubeconfig')
  const cluster = { server, 'insecure-skip-tls-verify': true }
  const named = { cluster: 'fake', user: 'agent' }
  const kubeconfig = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'fake', cluster }],
    users: [{ name: 'agent', user }],
    contexts: [{ name: 'fake', context: named }],
    'current-context': 'fake',
  }
  writeFileSync(path, JSON.stringify(kubeconfig))
  return path
}
