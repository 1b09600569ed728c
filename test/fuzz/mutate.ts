// Inputs that are nearly right: a good one with a few changes, by bytes, by text or by the structure of JSON.

import type { Json } from '../../src/cni/json.ts'
import { below, pick, type Random } from '../harness/random.ts'

/** Bytes overwritten, cut, doubled or inserted; lengths and types are the first that break. */
export function mutateBytes(seed: Uint8Array, random: Random): Uint8Array {
  let bytes = Uint8Array.from(seed)
  for (let n = below(random, 4) + 1; n > 0; n--) {
    const at = below(random, bytes.length + 1)
    switch (below(random, 5)) {
      case 0:
        bytes = bytes.slice(0, at)
        break
      case 1:
        bytes = join(
          bytes.slice(0, at),
          Uint8Array.from({ length: below(random, 8) }, () => below(random, 256)),
          bytes.slice(at),
        )
        break
      case 2:
        bytes = join(bytes, bytes.slice(at))
        break
      default:
        if (at < bytes.length) bytes[at] = pick(random, [0, 1, 2, 3, 4, 0x7f, 0x80, 0xff, below(random, 256)])
    }
  }
  return bytes.slice(0, 1 << 16)
}

/** As `mutateBytes`, with what text is cut at and quoted by. */
export function mutateText(seed: string, random: Random): string {
  let text = seed
  for (let n = below(random, 4) + 1; n > 0; n--) {
    const at = below(random, text.length + 1)
    const end = Math.min(text.length, at + below(random, 12))
    const inserted = below(random, 2) === 0 ? pick(random, oddText) : String.fromCharCode(below(random, 256))
    text = text.slice(0, at) + (below(random, 3) === 0 ? '' : inserted) + text.slice(below(random, 2) === 0 ? at : end)
  }
  return text.slice(0, 1 << 16)
}

/** A JSON value with some of its members replaced, removed, renamed or moved. */
export function mutateJson(seed: Json, random: Random): Json {
  const copy = structuredClone(seed)
  for (let n = below(random, 3) + 1; n > 0; n--) change(copy, random)
  return copy
}

function change(value: Json, random: Random): void {
  const places = containers(value)
  const [first] = places
  if (first === undefined) return
  const place = pick(random, [first, ...places.slice(1)])
  if (Array.isArray(place)) {
    const at = below(random, place.length + 1)
    if (below(random, 3) === 0) place.splice(at, 1)
    else place.splice(at, below(random, 2), oddValue(random, place))
    return
  }
  const keys = Object.keys(place)
  const key = keys[below(random, keys.length)] ?? 'name'
  switch (below(random, 5)) {
    case 0:
      delete place[key]
      break
    case 1:
      put(place, pick(random, [key.toUpperCase(), '__proto__', 'constructor', '', `${key}s`]), structuredClone(place[key] ?? null))
      break
    case 2: {
      const old = place[key]
      place[key] = typeof old === 'string' ? mutateText(old, random) : oddValue(random, place)
      break
    }
    default:
      place[key] = oddValue(random, place)
  }
}

/** As JSON has it: `__proto__` is a key like any other. */
function put(place: { [key: string]: Json }, key: string, value: Json): void {
  Object.defineProperty(place, key, { value, enumerable: true, configurable: true, writable: true })
}

type Container = Json[] | { [key: string]: Json }

/** All objects and arrays in it, itself first. */
function containers(value: Json): Container[] {
  if (typeof value !== 'object' || value === null) return []
  // structuredClone gave us this copy: it may be written.
  const own = value as Container
  return [own, ...Object.values(own).flatMap(containers)]
}

function oddValue(random: Random, beside: Container): Json {
  const others = Object.values(beside)
  if (below(random, 5) === 0 && others.length > 0) return structuredClone(others[below(random, others.length)] ?? null)
  // A copy: later changes go into it.
  return structuredClone(pick<Json>(random, [...oddValues, ...oddText] as [Json, ...Json[]]))
}

const oddValues: readonly Json[] = [
  ...[null, true, false, 0, -0, 1, -1, 1.5, 65_535, 65_536, 2 ** 31, 2 ** 32, 2 ** 53, 2 ** 64, 1e308, -1e308, 1e-300],
  ...[[], {}, [[]], [{}], [null], { '': '' }, [[[[[[[[]]]]]]]], Array.from({ length: 300 }, (_, i) => i)],
]

const oddText: [string, ...string[]] = [
  ...(['', ' ', '0', '-1', '.', '..', '/', '../..', '/dev/null', '\0', '\n', '\r\n', '"', '\\', '%s', '🦊', '\ud800', '\u202e'] as const),
  ...[
    '10.0.0.1',
    '10.0.0.0/8',
    '10.0.0.0/33',
    '0.0.0.0/0',
    '255.255.255.255/32',
    '::',
    '::/0',
    '::1/129',
    'fe80::1%eth0',
    '::ffff:10.0.0.1',
  ],
  ...[
    'x'.repeat(16),
    'x'.repeat(256),
    'x'.repeat(70_000),
    '9'.repeat(400),
    'eth0',
    'ADD',
    '0a:58:00:00:00:01',
    'a;b=c',
    ':',
    '1:2:3:4:5:6:7:8:9',
  ],
]

function join(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(parts.flatMap((part) => [...part]))
}
