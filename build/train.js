// What the engine is trained on (build/quickjs.sh): the mix of a CNI call, without any of its code, so that the engine does not depend on ours.
// Deterministic, and nothing of it is in the binary.

const config = JSON.stringify({
  cniVersion: '1.0.0',
  name: 'net',
  type: 'bridge',
  bridge: 'cni0',
  isGateway: true,
  ipam: { type: 'host-local', ranges: [[{ subnet: '10.1.0.0/24' }]], routes: [{ dst: '0.0.0.0/0' }] },
})

class Reader {
  #fields
  #issues
  constructor(object, path = '', issues = []) {
    this.path = path
    this.#fields = new Map(Object.entries(object).map(([key, value]) => [key.toLowerCase(), value]))
    this.#issues = issues
  }
  value(key) {
    return this.#fields.get(key.toLowerCase()) ?? undefined
  }
  string(key) {
    const value = this.value(key)
    if (value === undefined || typeof value === 'string') return value
    this.#issues.push(`${this.path}.${key}: expected a string`)
    return undefined
  }
  object(key, read) {
    const value = this.value(key)
    return value === undefined ? undefined : read(new Reader(value, `${this.path}.${key}`, this.#issues))
  }
}

function parseAddress(text) {
  const bytes = new Uint8Array(4)
  for (const [i, part] of text.split('.').entries()) {
    let value = 0
    for (let at = 0; at < part.length; at++) value = value * 10 + part.charCodeAt(at) - 48
    bytes[i] = value
  }
  return { family: 4, bytes }
}

const format = ({ bytes }) => bytes.join('.')

function next({ family, bytes: old }) {
  const bytes = old.slice()
  for (let i = bytes.length - 1; i >= 0; i--) {
    bytes[i] = (bytes[i] ?? 0) + 1
    if (bytes[i] !== 0) break
  }
  return { family, bytes }
}

const u32 = (value) => Uint8Array.of(value, value >> 8, value >> 16, value >> 24)

function encode(attributes, bytes, view, start) {
  let offset = start
  for (const [type, value] of attributes) {
    const body = offset + 4
    let end
    if (value instanceof Uint8Array) {
      bytes.set(value, body)
      end = body + value.length
    } else {
      end = encode(value, bytes, view, body)
    }
    view.setUint16(offset, end - offset, true)
    view.setUint16(offset + 2, type, true)
    offset = (end + 3) & ~3
  }
  return offset
}

function decode(bytes, length) {
  const words = new Uint16Array(bytes.buffer, 0, bytes.length >> 1)
  const types = []
  const offsets = []
  for (let offset = 0; offset + 4 <= length; ) {
    const size = words[offset >> 1] ?? 0
    if (size < 4 || offset + size > length) throw new RangeError(`attribute at ${offset} claims ${size} bytes`)
    types[types.length] = (words[(offset >> 1) + 1] ?? 0) & 0x3fff
    offsets[offsets.length] = offset
    offset += (size + 3) & ~3
  }
  return { get: (type) => offsets[types.lastIndexOf(type)] }
}

function attach(stdin, i) {
  const reader = new Reader(JSON.parse(stdin))
  const request = { network: reader.string('name'), id: `c${i}`, ipam: reader.object('ipam', (ipam) => ipam.string('type')) }
  let address = parseAddress('10.1.0.1')
  for (let step = 0; step < 5; step++) address = next(address)
  const attributes = Array.from({ length: 40 }, (_, type) => [type + 1, u32(type * i)])
  const bytes = new Uint8Array(1024)
  const length = encode(
    [
      ...attributes,
      [
        41,
        [
          [1, u32(7)],
          [2, address.bytes],
        ],
      ],
    ],
    bytes,
    new DataView(bytes.buffer),
    0,
  )
  const found = decode(bytes, length)
  const steps = []
  try {
    steps.push(() => found.get(3))
    if (i % 10 === 0) throw new Error('undone')
  } catch (error) {
    for (const step of steps.reverse()) step()
    return error.message
  }
  const result = { ...request, ips: [{ address: `${format(address)}/24`, interface: 2 }], mtu: found.get(4), routes: [] }
  return JSON.stringify(result, undefined, 4)
}

let total = 0
for (let i = 0; i < 300; i++) total += attach(config, i).length
if (total !== 300 * 100) globalThis.total = total
