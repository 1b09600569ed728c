// What an attachment has left on a host and in its pod, as a flat record that two makers can be compared by.

import type { Host, Pod } from '../harness/netns.ts'

/** Path of the thing, e.g. `host link cni9.mtu` → its value as text. */
export type State = Readonly<Record<string, string>>

/** Links, addresses, routes, rules, sysctls and lease files, with what is random or moves by itself made the same. */
export async function observeState(host: Host, pod: Pod, network: string): Promise<State> {
  const outside = async (file: string, ...args: string[]) => host.run(file, ...args)
  const inside = async (file: string, ...args: string[]) => (await pod.exec(file, args)).stdout
  const places = [
    { place: 'host', run: outside },
    { place: 'pod', run: inside },
  ]
  const sections = await Promise.all([
    ...places.flatMap(({ place, run }) => [
      linksOf(place, run),
      routesOf(place, run, '-4'),
      routesOf(place, run, '-6'),
      rulesOf(place, run),
      sysctlsOf(place, run),
    ]),
    ...['iptables-save', 'ip6tables-save'].map(async (save) => [section(save, lines(await host.run(save), '#', ':'))]),
    linesOf(host, 'nft', 'nft -s list ruleset'),
    linesOf(host, 'tc', listShaping),
    linesOf(host, 'records', 'find /run/cni /var/lib/cni/results -type f 2>/dev/null || true'),
    linesOf(host, 'leases', `cd /var/lib/cni/networks/${network} 2>/dev/null || exit 0; ls -A | while read -r f; do ${showFile}; done`),
  ])
  return flatten(sections.flat())
}

/** What only one side has, or both have differently: path → [left, right]. */
export function compareStates(left: State, right: State): Record<string, [left: string | undefined, right: string | undefined]> {
  const paths = [...new Set([...Object.keys(left), ...Object.keys(right)])].sort()
  return Object.fromEntries(paths.filter((path) => left[path] !== right[path]).map((path) => [path, [left[path], right[path]]]))
}

const showFile = `echo "$f $(stat -c %A $f) $([ -d $f ] || tr '\\r\\n' '|' <$f)"`

/** What shapes traffic; each filter after the device it is on. */
const listShaping = `tc qdisc show | grep -v noqueue
for dev in /sys/class/net/*; do tc filter show dev "\${dev##*/}" ingress 2>/dev/null | sed "s/^/\${dev##*/} /"; done`

type Row = Record<string, unknown>

// What `ip -j` prints is a list of objects.
const parse = (text: string) => JSON.parse(text || '[]') as Row[]

/** The kernel makes the rest of the addresses, some of it a while later. */
function isChosen({ dst, table }: Row): boolean {
  return table !== 'local' && !String(dst).startsWith('fe80:')
}

type Run = (file: string, ...args: string[]) => Promise<string>
type Section = readonly [title: string, value: unknown]
const section = (title: string, value: unknown): Section => [title, value]

async function linksOf(place: string, run: Run): Promise<Section[]> {
  const links = parse(await run('ip', '-j', '-d', 'addr'))
  const names = section(
    `${place} links`,
    links.map(({ ifname }) => String(ifname)),
  )
  return [names, ...links.map((link) => section(`${place} link ${link.ifname}`, link))]
}

async function routesOf(place: string, run: Run, family: string): Promise<Section[]> {
  const routes = parse(await run('ip', '-j', family, 'route', 'show', 'table', 'all')).filter(isChosen)
  return routes.map((route) => section(`${place} route ${route.type ?? ''} ${route.dst} dev ${route.dev}`, route))
}

async function rulesOf(place: string, run: Run): Promise<Section[]> {
  return [section(`${place} rule`, [...lines(await run('ip', '-4', 'rule')), ...lines(await run('ip', '-6', 'rule'))])]
}

async function sysctlsOf(place: string, run: Run): Promise<Section[]> {
  const names =
    'ipv4/ip_forward ipv6/conf/all/forwarding ipv4/conf/*/arp_notify ipv6/conf/*/accept_ra ipv6/conf/*/accept_dad ipv6/conf/*/disable_ipv6 ipv6/conf/*/keep_addr_on_down'
  const text = await run('sh', '-c', `cd /proc/sys/net && grep -s '' ${names}`)
  return [
    section(
      `${place} sysctl`,
      lines(text).map((line) => line.replace(':', ' = ')),
    ),
  ]
}

async function linesOf(host: Host, title: string, script: string): Promise<Section[]> {
  return [section(title, lines(await host.run('sh', '-c', script)))]
}

function lines(text: string, ...without: string[]): string[] {
  const wanted = text.split('\n').filter((line) => line.trim() && !without.some((start) => line.startsWith(start)))
  return wanted.map((line) => line.trim())
}

const moving = /operstate|ifindex|link_index|netns|timer|life_time|tentative|bridge_id|root_id/

function flatten(sections: readonly Section[]): State {
  const flat: Record<string, string> = {}
  const visit = (path: string, value: unknown): void => {
    if (Array.isArray(value)) for (const [i, one] of value.entries()) visitOne(path, one, i)
    else if (isRow(value)) for (const key of Object.keys(value).filter((name) => !moving.test(name))) visit(`${path}.${key}`, value[key])
    else flat[settle(path)] = settle(String(value))
  }
  // A line is known by its text, an address by itself; the rest has its place. That a bridge has no port any more gets about a while later.
  const visitOne = (path: string, one: unknown, index: number): void => {
    if (one === 'linkdown' || one === 'NO-CARRIER' || one === 'LOWER_UP') return
    if (typeof one === 'string') count(settle(`${path}: ${one}`))
    else if (!isRow(one) || one.local === undefined) visit(`${path}[${index}]`, one)
    else if (one.scope !== 'link') visit(`${path}[${one.local}]`, one)
  }
  // Names that are random are the same here: how many there are is still compared.
  const count = (line: string): void => {
    const times = Number.parseInt(flat[line]?.replace('there', '1') ?? '0', 10) + 1
    flat[line] = times === 1 ? 'there' : `${times} times`
  }
  for (const [title, value] of sections) visit(title, value)
  return flat
}

function isRow(value: unknown): value is Row {
  return typeof value === 'object' && value !== null
}

const random: [RegExp, string][] = [
  [/\b8000\.(?!a:58:)[0-9a-f:]+/g, 'random id'],
  [/\bveth[0-9a-f]{8}\b/g, 'vethX'],
  [/\bbwp[0-9a-f]{12}\b/g, 'bwpX'],
  // Those that start with 0a:58 are chosen; the rest of the exceptions are random.
  [/\b(?!0a:58|00:00|ff:ff|01:80)([0-9a-f]{2}:){5}[0-9a-f]{2}\b/g, 'random MAC'],
  [/\.owners-[-0-9a-f]{36}/, '.owners-BOOT'],
]

function settle(text: string): string {
  return random.reduce((settled, [pattern, name]) => settled.replace(pattern, name), text).trim()
}
