import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { viewOf } from '../netlink/decode.ts'
import { concat } from '../netlink/encode.ts'
import { commentData, fitComment, noteData, PODWIRE_UDATA_RULE_NOTE, readComment, userData } from './comment.ts'

const view = (bytes: Uint8Array) => viewOf(Uint8Array.from(bytes).buffer)

describe('a comment', () => {
  it('is read back as it was written, when nft has room for it', () => {
    const text = fc.string({ unit: 'grapheme', maxLength: 8 }).filter((value) => !value.includes('\0') && Buffer.byteLength(value) <= 128)
    fc.assert(
      fc.property(text, fc.integer({ min: 0, max: 9 }), (value, type) => readComment(view(commentData(type, value)), type) === value),
    )
  })

  it.each([
    ['short', 'short'],
    ['a'.repeat(128), 'a'.repeat(128)],
    ['a'.repeat(129), 'a'.repeat(128)],
    [`${'a'.repeat(127)}ü`, 'a'.repeat(127)],
    [`${'a'.repeat(126)}ü`, `${'a'.repeat(126)}ü`],
    ['東'.repeat(43), '東'.repeat(42)],
    [`${'a'.repeat(125)}🦀`, 'a'.repeat(125)],
  ])('is cut between characters when it is too long: %s', (text, fitting) => {
    expect(fitComment(text)).toBe(fitting)
  })

  it('and a note fit together into what the kernel stores', () => {
    const data = concat([commentData(0, 'c'.repeat(300)), noteData('n'.repeat(300))])
    expect(data.length).toBeLessThanOrEqual(256)
    expect(readComment(view(data), 0)).toBe('c'.repeat(128))
    expect(readComment(view(data), PODWIRE_UDATA_RULE_NOTE)).toBe('n'.repeat(120))
  })

  it('is found behind other records', () => {
    const data = concat([userData(0, Uint8Array.of(1, 2, 3, 4)), userData(2, new Uint8Array(0)), commentData(7, 'here')])
    expect([readComment(view(data), 7), readComment(view(data), 5)]).toEqual(['here', ''])
  })

  it.each([
    ['nothing', []],
    ['a type alone', [0]],
    ['a length beyond the end', [0, 5, 104, 105]],
    ['a record beyond the end', [1, 1, 0, 0, 9, 1]],
    ['a comment without text', [0, 0]],
    ['a comment that is a NUL', [0, 1, 0]],
  ])('is empty when the user data is %s', (_, bytes) => {
    expect(readComment(view(Uint8Array.from(bytes)), 0)).toBe('')
  })

  it('needs no NUL when another tool left it out', () => {
    expect(readComment(view(Uint8Array.of(0, 2, 104, 105)), 0)).toBe('hi')
  })

  it('is empty when there is no user data', () => {
    expect(readComment(undefined, 0)).toBe('')
  })

  it('never makes a record longer than its length byte holds', () => {
    expect(() => userData(0, new Uint8Array(256))).toThrow(RangeError)
  })
})
