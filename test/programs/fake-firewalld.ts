// What firewalld is to the plugin `firewall`: an owner of its name on the bus at argv[2] whose zones have sources. Runs on Node; prints each call.

import { connect } from 'node:net'

const NAME = 'org.fedoraproject.FirewallD1'
const [CALL, RETURN, ERROR] = [1, 2, 3]
// Header fields of the D-Bus specification.
const [PATH, INTERFACE, MEMBER, ERROR_NAME, REPLY_SERIAL, DESTINATION, SENDER, SIGNATURE] = [1, 2, 3, 4, 5, 6, 7, 8]

type Field = readonly [code: number, type: 's' | 'o' | 'g' | 'u', value: string | number]
interface Received {
  readonly type: number
  readonly serial: number
  readonly fields: ReadonlyMap<number, string | number>
  readonly body: Buffer
}

const sources = new Set<string>()
const socket = connect((process.argv[2] ?? '').replace('unix:path=', '').split(',')[0] ?? '')
let serial = 0
let waiting = Buffer.alloc(0)
let begun = false

socket.write(`\0AUTH EXTERNAL ${Buffer.from(String(process.getuid?.())).toString('hex')}\r\n`)
socket.on('data', (part) => {
  waiting = Buffer.concat([waiting, part])
  if (!begun) {
    if (!waiting.includes('\r\n')) return
    begun = true
    waiting = Buffer.alloc(0)
    socket.write('BEGIN\r\n')
    callBus('Hello', '', Buffer.alloc(0))
    callBus('RequestName', 'su', Buffer.concat([text(NAME), padding(text(NAME).length, 4), u32(0)]))
    return
  }
  for (let message = take(); message; message = take()) answer(message)
})

function answer({ type, serial: to, fields, body }: Received): void {
  if (type === RETURN && to === 0) return
  if (type !== CALL) {
    if (fields.get(REPLY_SERIAL) === 2) console.log('ready')
    return
  }
  const zone = readText(body, 0)
  const source = readText(body, align(5 + zone.length, 4))
  const [member, key] = [fields.get(MEMBER), `${zone} ${source}`]
  console.log(`${member} ${key}`)
  const reply: Field[] = [
    [REPLY_SERIAL, 'u', to],
    [DESTINATION, 's', String(fields.get(SENDER))],
  ]
  if (member === 'querySource') {
    send(RETURN, [...reply, [SIGNATURE, 'g', 'b']], u32(sources.has(key) ? 1 : 0))
    return
  }
  const problem =
    zone === 'missing' ? 'INVALID_ZONE: missing' : member === 'addSource' && sources.has(key) ? `ZONE_ALREADY_SET: ${source}` : ''
  if (problem) {
    send(ERROR, [...reply, [ERROR_NAME, 's', `${NAME}.Exception`], [SIGNATURE, 'g', 's']], text(problem))
    return
  }
  if (member === 'addSource') sources.add(key)
  else sources.delete(key)
  send(RETURN, [...reply, [SIGNATURE, 'g', 's']], text(zone))
}

function callBus(member: string, signature: string, body: Buffer): void {
  const fields: Field[] = [
    [PATH, 'o', '/org/freedesktop/DBus'],
    [INTERFACE, 's', 'org.freedesktop.DBus'],
    [MEMBER, 's', member],
    [DESTINATION, 's', 'org.freedesktop.DBus'],
  ]
  send(CALL, signature ? [...fields, [SIGNATURE, 'g', signature]] : fields, body)
}

function send(type: number, fields: readonly Field[], body: Buffer): void {
  let list = Buffer.alloc(0)
  for (const [code, kind, value] of fields) {
    const value_ = kind === 'u' ? u32(Number(value)) : kind === 'g' ? signatureOf(String(value)) : text(String(value))
    list = Buffer.concat([list, padding(list.length, 8), Buffer.from([code, 1, kind.charCodeAt(0), 0]), value_])
  }
  const head = Buffer.concat([Buffer.from(['l'.charCodeAt(0), type, 0, 1]), u32(body.length), u32(++serial), u32(list.length), list])
  socket.write(Buffer.concat([head, padding(head.length, 8), body]))
}

function take(): Received | undefined {
  if (waiting.length < 16) return undefined
  const [bodyLength, listLength] = [waiting.readUInt32LE(4), waiting.readUInt32LE(12)]
  const start = align(16 + listLength, 8)
  if (waiting.length < start + bodyLength) return undefined
  const fields = new Map<number, string | number>()
  for (let at = 16; at < 16 + listLength; ) {
    at = align(at, 8)
    const [code, kind] = [waiting[at] ?? 0, String.fromCharCode(waiting[at + 2] ?? 0)]
    at += 4
    if (kind === 'u') fields.set(code, waiting.readUInt32LE(at))
    else if (kind !== 'g') fields.set(code, readText(waiting, at))
    at += kind === 'u' ? 4 : kind === 'g' ? (waiting[at] ?? 0) + 2 : waiting.readUInt32LE(at) + 5
  }
  const message = { type: waiting[1] ?? 0, serial: waiting.readUInt32LE(8), fields, body: waiting.subarray(start, start + bodyLength) }
  waiting = waiting.subarray(start + bodyLength)
  return message
}

function readText(bytes: Buffer, at: number): string {
  return bytes.length < at + 4 ? '' : bytes.subarray(at + 4, at + 4 + bytes.readUInt32LE(at)).toString()
}

function text(value: string): Buffer {
  return Buffer.concat([u32(Buffer.byteLength(value)), Buffer.from(`${value}\0`)])
}

function signatureOf(value: string): Buffer {
  return Buffer.concat([Buffer.from([value.length]), Buffer.from(`${value}\0`)])
}

function u32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32LE(value)
  return bytes
}

function align(value: number, to: number): number {
  return Math.ceil(value / to) * to
}

function padding(length: number, to: number): Buffer {
  return Buffer.alloc(align(length, to) - length)
}
