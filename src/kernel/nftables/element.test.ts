import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeMessages } from '../../../test/harness/netlink.ts'
import { parseAddress } from '../../net/address.ts'
import { viewOf } from '../netlink/decode.ts'
import { be16, encodeMessage } from '../netlink/encode.ts'
import { addElements, decodeElements, type Element, joinedKey } from './element.ts'
import type { TableRef } from './request.ts'

const ref: TableRef = { family: 'inet', table: 't' }

describe('elements', () => {
  const elements: Element[] = [
    { key: parseAddress('10.0.0.1').bytes, keyEnd: undefined, end: false, data: undefined, comment: 'first' },
    { key: parseAddress('10.0.0.2').bytes, keyEnd: undefined, end: true, data: undefined, comment: '' },
    {
      key: joinedKey([Uint8Array.of(6), be16(80)]),
      keyEnd: joinedKey([Uint8Array.of(6), be16(90)]),
      end: false,
      data: be16(1),
      comment: '',
    },
  ]

  it('are read back as they were written', () => {
    const [request] = addElements(ref, 's', elements)
    const [received] = decodeMessages(request ? Uint8Array.from(encodeMessage(request, 1)).buffer : new ArrayBuffer(0))
    expect(received && decodeElements(received.body)).toEqual(elements)
  })

  it('go into as many messages as it takes, each below 64 KiB', () => {
    const many = Array.from({ length: 1000 }, (_, i) => ({
      key: new Uint8Array(64),
      keyEnd: new Uint8Array(64),
      data: new Uint8Array(64),
      comment: `${i}`.padEnd(128),
    }))
    const requests = addElements(ref, 's', many)
    expect(requests.length).toBeGreaterThan(1)
    expect(requests.map((request) => encodeMessage(request, 1).length).every((length) => length < 65536)).toBe(true)
    expect(addElements(ref, 's', [])).toEqual([])
  })

  it('are an error when the message is cut anywhere inside an attribute', () => {
    const [request] = addElements(ref, 's', elements)
    const bytes = request ? encodeMessage(request, 1).slice(16) : new Uint8Array(0)
    for (let length = 0; length < bytes.length; length++) {
      const cut = viewOf(Uint8Array.from(bytes.slice(0, length)).buffer)
      try {
        expect(decodeElements(cut)).toEqual([])
      } catch (error) {
        expect(error).toBeInstanceOf(RangeError)
      }
    }
  })

  it('are an error or harmless when any byte of the message is another', () => {
    const [request] = addElements(ref, 's', elements)
    const bytes = request ? encodeMessage(request, 1).slice(16) : new Uint8Array(0)
    fc.assert(
      fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
        const changed = Uint8Array.from(bytes)
        changed[at] = value
        try {
          // A shorter length makes two of one: never more than there are attributes.
          expect(decodeElements(viewOf(changed.buffer)).length).toBeLessThanOrEqual(bytes.length / 4)
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError)
        }
      }),
    )
  })

  it('pads every joined value to four bytes', () => {
    expect([...joinedKey([Uint8Array.of(6), be16(80), parseAddress('10.0.0.1').bytes])]).toEqual([6, 0, 0, 0, 0, 80, 0, 0, 10, 0, 0, 1])
  })
})
