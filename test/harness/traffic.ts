// Machines around a host, and what goes through between them: who answers to which address and port, over TCP and UDP.

import { type Host, type Pod, withHost } from './netns.ts'

// Answers TCP and UDP with its name and the client's address.
const serverCode = `
const [name, port] = process.argv.slice(1)
const plain = (address) => address.replace('::ffff:', '')
require('net').createServer((s) => s.end(name + ' ' + plain(s.remoteAddress))).listen(+port, '::')
const udp = require('dgram').createSocket('udp6', (_, from) => udp.send(name + ' ' + plain(from.address), from.port, from.address))
udp.bind(+port, '::', () => console.log('ready'))
`

/** Starts a server in `place`, which answers every client with `name` and the address that the client seems to have. */
export async function serve(place: Host | Pod, name: string, port: number): Promise<void> {
  const script = '"$@" >"$LOG" 2>&1 </dev/null & for i in $(seq 50); do grep -q ready "$LOG" && exit; sleep 0.05; done; exit 1'
  const env = { ...process.env, LOG: `/run/server-${name}-${port}` } as Record<string, string>
  const { status, stderr } = await place.exec('sh', ['-c', script, 'sh', process.execPath, '-e', serverCode, name, `${port}`], { env })
  if (status !== 0) throw new Error(`no server ${name}: ${stderr}`)
}

/** A client's question; `sport` is its own UDP port and `source` its own address, any where absent. */
export interface Question {
  readonly protocol: string
  readonly address: string
  readonly port: number
  readonly sport?: number
  readonly source?: string
}

// A connected UDP socket hears of it when the port is closed.
const clientCode = `
const ask = ({ protocol, address, port, sport, source }) => new Promise((done) => {
  setTimeout(() => done('none'), 1500)
  const fail = (error) => done(error.code === 'ECONNREFUSED' ? 'refused' : 'none')
  if (protocol === 'tcp') return require('net').connect({ port, host: address, localAddress: source }).on('data', (answer) => done(String(answer))).on('error', fail)
  const family = address.includes(':') ? 'udp6' : 'udp4'
  const udp = require('dgram').createSocket(family, (answer) => done(String(answer))).on('error', fail)
  udp.bind(sport ?? 0, source, () => udp.connect(port, address, () => udp.send('x')))
})
Promise.all(JSON.parse(process.argv[1]).map(ask)).then((answers) => {
  console.log(JSON.stringify(answers))
  process.exit()
})
`

/** What servers answer to these questions, all asked at once; `refused` where no server listens, `none` where nothing comes back in 1.5 s. */
export async function askAll(from: Host | Pod, questions: readonly Question[]): Promise<string[]> {
  const { status, stdout, stderr } = await from.exec(process.execPath, ['-e', clientCode, JSON.stringify(questions)])
  if (status !== 0) throw new Error(`no client: ${stderr}`)
  return JSON.parse(stdout)
}

/** One question, one answer. */
export async function ask(from: Host | Pod, protocol: string, address: string, port: number): Promise<string> {
  return (await askAll(from, [{ protocol, address, port }]))[0] ?? ''
}

/** A machine on a link of its own: the host is .1 and ::1 of it, and the machine's gateway, the machine .2 and ::2. */
export async function wire(host: Host, name: string, v4: string, v6: string): Promise<Pod> {
  const pod = await host.pod(name)
  // The node asks for its neighbours from its link-local address, which otherwise is not usable for a second.
  for (const place of [host, pod]) await place.exec('sysctl', ['-qw', 'net.ipv6.conf.default.accept_dad=0'])
  await host.run(
    'sh',
    '-ec',
    `
    ip link add veth-${name} type veth peer name eth0 netns ${name}
    ip addr add ${v4}.1/24 dev veth-${name}; ip addr add ${v6}::1/64 dev veth-${name} nodad; ip link set veth-${name} up
    ip -n ${name} link set lo up
    ip -n ${name} addr add ${v4}.2/24 dev eth0; ip -n ${name} addr add ${v6}::2/64 dev eth0 nodad; ip -n ${name} link set eth0 up
    ip -n ${name} route add default via ${v4}.1; ip -n ${name} -6 route add default via ${v6}::1`,
  )
  // A machine that has just got its link resolves no neighbours over IPv6 yet.
  await pod.exec('sh', ['-c', `for i in 1 2 3 4 5; do ping -6 -c1 -W1 ${v6}::1 >/dev/null 2>&1 && exit; done`])
  return pod
}

/** A node with two machines that are pods to it, one outside and one that it only forwards to. */
export interface Machines {
  readonly host: Host
  readonly a: Pod
  readonly b: Pod
  readonly out: Pod
  readonly far: Pod
}

export function withMachines(body: (machines: Machines) => Promise<void>): Promise<void> {
  return withHost(async (host) => {
    await host.run('sysctl', '-qw', 'net.ipv4.ip_forward=1', 'net.ipv6.conf.all.forwarding=1')
    const [a, b, out, far] = [
      await wire(host, 'a', '10.1.0', 'fd01'),
      await wire(host, 'b', '10.2.0', 'fd02'),
      await wire(host, 'out', '192.0.2', 'fd03'),
      await wire(host, 'far', '198.51.100', 'fd04'),
    ]
    await body({ host, a, b, out, far })
  })
}
