// An IPAM server for podwire, without dependencies: `node server.mjs unix:///run/ipam.sock 10.9.0.0/24` or `… http://127.0.0.1:9466 …`.
// It holds its leases in memory: one that others rely on writes them down before it answers.
import { chmodSync, rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { isIPv4 } from 'node:net'

const [listen = 'unix:///run/ipam.sock', subnet = '10.9.0.0/24'] = process.argv.slice(2)
const [base = '', length = '24'] = subnet.split('/')
const number = (ip) => ip.split('.').reduce((sum, byte) => sum * 256 + Number(byte), 0)
const text = (n) => [24, 16, 8, 0].map((shift) => (n >>> shift) & 255).join('.')
const [first, last] = [number(base) + 2, number(base) + 2 ** (32 - Number(length)) - 2]
const gateway = text(number(base) + 1)

/** Address by attachment: the whole protection against giving one out twice, since all of a request is done in one turn of the event loop. */
const leases = new Map()
const keyOf = ({ network, containerID, ifname }) => `${network} ${containerID} ${ifname}`
const answerOf = (ip) => ({ ips: [{ address: `${ip}/${length}`, gateway }], routes: [{ dst: '0.0.0.0/0' }] })
const fail = (status, code, message) => Object.assign(new Error(message), { status, code })

const verbs = {
  allocate(request) {
    const key = keyOf(request)
    const taken = new Set(leases.values())
    const [wanted] = request.ips ?? []
    const had = leases.get(key)
    if (had && (!wanted || wanted === had)) return answerOf(had)
    if (wanted && !(isIPv4(wanted) && number(wanted) >= first && number(wanted) <= last))
      throw fail(400, 'invalid', `${wanted} is not in ${subnet}`)
    if (wanted && taken.has(wanted)) throw fail(409, 'taken', `${wanted} is taken`)
    let next = first
    while (!wanted && next <= last && taken.has(text(next))) next++
    if (next > last) throw fail(409, 'exhausted', `all addresses of ${subnet} are taken`)
    leases.set(key, wanted ?? text(next))
    return answerOf(leases.get(key))
  },
  release: (request) => void leases.delete(keyOf(request)),
  check(request) {
    const ip = leases.get(keyOf(request))
    if (!ip) throw fail(404, 'not-found', `no lease of ${keyOf(request)}`)
    return answerOf(ip)
  },
  gc({ network, valid }) {
    const living = new Set(valid.map((entry) => keyOf({ network, ...entry })))
    for (const key of leases.keys()) if (key.startsWith(`${network} `) && !living.has(key)) leases.delete(key)
  },
  status: () => ({ ready: true }),
}

async function serve(request, response) {
  const reply = (status, body) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ version: 1, ...body }))
  try {
    if (Number(request.headers['content-length'] ?? 0) > 1 << 20) throw fail(413, 'invalid', 'the request is over 1 MiB')
    const parts = await request.toArray()
    const verb = new URL(request.url, 'http://ipam').pathname.replace('/v1/', '')
    if (!Object.hasOwn(verbs, verb)) throw fail(404, 'invalid', `no such call: ${request.url}`)
    const json = request.method === 'GET' ? { version: 1 } : JSON.parse(Buffer.concat(parts))
    if (json.version !== 1) throw fail(400, 'invalid', `version ${json.version} is not supported, 1 is`)
    const needed = { gc: ['network', 'valid'], status: [] }[verb] ?? ['network', 'containerID', 'ifname']
    const missing = needed.filter((key) => !json[key])
    if (missing.length > 0) throw fail(400, 'invalid', `missing: ${missing.join(' ')}`)
    reply(200, verbs[verb](json))
  } catch (error) {
    reply(error.status ?? 400, { error: { code: error.code ?? 'invalid', message: error.message } })
  }
}

const server = createServer(serve)
const path = listen.startsWith('unix://') && listen.slice('unix://'.length)
if (path) rmSync(path, { force: true })
server.listen(
  path || { host: new URL(listen).hostname.replace(/^\[|\]$/g, ''), port: new URL(listen).port },
  () => path && chmodSync(path, 0o600),
)
