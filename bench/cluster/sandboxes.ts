// How long containerd took over each pod's sandbox, by its log, and how much of that was the plugins', by the clocks in front of them.

export interface Sandbox {
  readonly pod: string
  /** RunPodSandbox as a whole, milliseconds. */
  readonly total: number
  /** ADD of all plugins of the chain, milliseconds. */
  readonly plugins: number
}

// time="2026-01-02T03:04:05.123456789Z" level=info msg="RunPodSandbox for name:\"x\" uid:\"…\" namespace:\"…\" returns sandbox id \"…\""
const LINE = /^time="([^"]+)" level=info msg="RunPodSandbox for name:\\"([^"\\]+)\\".*?(?: returns sandbox id \\"([0-9a-f]+)\\")?"$/

/** The sandboxes whose begin and end are in containerd's log, with the clocks' lines `COMMAND ID NANOSECONDS` for each. */
export function readSandboxes(containerdLog: string, clocks: string): Sandbox[] {
  const plugins = new Map<string, number>()
  for (const line of clocks.split('\n')) {
    const [command, id = '', nanoseconds] = line.split(' ')
    if (command === 'ADD') plugins.set(id, (plugins.get(id) ?? 0) + Number(nanoseconds) / 1e6)
  }
  const began = new Map<string, number>()
  const sandboxes: Sandbox[] = []
  for (const line of containerdLog.split('\n')) {
    const [, time = '', pod = '', id] = LINE.exec(line) ?? []
    if (pod === '') continue
    if (id === undefined) began.set(pod, milliseconds(time))
    else sandboxes.push({ pod, total: milliseconds(time) - (began.get(pod) ?? Number.NaN), plugins: plugins.get(id) ?? Number.NaN })
  }
  return sandboxes
}

/** Date keeps three digits of the nine. */
function milliseconds(time: string): number {
  const [seconds = '', fraction = '0'] = time.replace(/Z$|[+-]\d\d:\d\d$/, '').split('.')
  return Date.parse(`${seconds}Z`) + Number(`0.${fraction}`) * 1000
}
