import { afterEach, describe, expect, it, vi } from 'vitest'
import { ack, fakeKernel } from '../../../test/harness/netlink.ts'
import type { Received } from '../netlink/decode.ts'
import { type Attribute, concat, cstr, encodeMessage, u32 } from '../netlink/encode.ts'
import { commit, tryCommit } from './batch.ts'
import { addChain } from './chain.ts'
import { expression, verdict } from './expression.ts'
import { l4protoIs } from './match.ts'
import type { TableRef } from './request.ts'
import { addRule, listRules, ruleConsistsOf, targetChain } from './rule.ts'

const ref: TableRef = { family: 'inet', table: 't' }
const socket = () => ({ fd: 3, sequence: 100 })
let sent: Received[][] = []

const kernel = (...datagrams: Uint8Array[]) => {
  sent = fakeKernel(...datagrams)
}

afterEach(() => vi.restoreAllMocks())

describe('commit()', () => {
  it('brackets the requests, requests an ack of the last and numbers all', () => {
    kernel(ack(102))
    commit(socket(), [addChain(ref, 'a'), addChain(ref, 'b')])
    expect(sent.map((batch) => batch.map(({ type, flags, sequence }) => [type, flags, sequence]))).toEqual([
      [
        [0x10, 0x1, 100],
        [0xa03, 0x401, 101],
        [0xa03, 0x405, 102],
        [0x11, 0x1, 103],
      ],
    ])
    expect(sent[0]?.[0]?.body.bytes()).toEqual(Uint8Array.of(0, 0, 0, 10))
  })

  it('throws the first failure, named by its request', () => {
    kernel(ack(101, 2), ack(102, 16))
    expect(() => commit(socket(), [addChain(ref, 'a'), addChain(ref, 'b')])).toThrow(/^add chain inet t a: /)
  })

  it('reports a failure when the last request had none', () => {
    kernel(concat([ack(101, 2), ack(102)]))
    expect(tryCommit(socket(), [addChain(ref, 'a'), addChain(ref, 'b')])).toMatchObject({ op: 'add chain inet t a', errno: 2 })
  })

  it('ends when the kernel rejects the batch as a whole, and answers nothing else', () => {
    kernel(ack(100, 95))
    expect(tryCommit(socket(), [addChain(ref, 'a')])).toMatchObject({ op: 'nftables transaction', errno: 95 })
  })

  it('passes over what belongs to an earlier exchange', () => {
    kernel(ack(57, 22), ack(101))
    expect(tryCommit(socket(), [addChain(ref, 'a')])).toBeUndefined()
  })

  it('has the kernel’s own words', () => {
    kernel(ack(101, 22, [[1, cstr('Chain of type "nat" is not supported')]]))
    expect(tryCommit(socket(), [addChain(ref, 'a')])?.message).toMatch(/\(Chain of type "nat" is not supported\)$/)
  })

  it('names the rejected expression by the offset that the kernel gives', () => {
    const rule = addRule(ref, 'c', [...l4protoIs(6), expression('masq', [])])
    const text = Buffer.from(encodeMessage(rule, 0)).toString('latin1')
    // The list element starts with its own header, then EXPR_NAME's.
    kernel(ack(101, 2, [[2, u32(text.indexOf('masq') - 8)]]))
    expect(tryCommit(socket(), [rule])?.detail).toBe('rejected expression: masq')
  })

  it.each([0, 3, 20, 24, 10_000, 0xffffffff])('gives no detail when the offset %i is in no expression', (offset) => {
    kernel(ack(101, 2, [[2, u32(offset)]]))
    expect(tryCommit(socket(), [addRule(ref, 'c', [verdict('drop')])])?.detail).toBe('')
  })
})

describe('listRules()', () => {
  const rule = (handle: number, comment: string, flags = 2) => {
    const request = addRule(ref, 'c', [verdict({ jump: 'd' })], comment)
    const attributes: Attribute[] = [...request.attributes, [3, Uint8Array.of(0, 0, 0, 0, 0, 0, 0, handle)]]
    return (sequence: number) => encodeMessage({ ...request, flags, attributes }, sequence)
  }
  const done = (sequence: number) => encodeMessage({ type: 3, flags: 2, body: u32(0), attributes: [] }, sequence)

  it('decodes what a rule was made of', () => {
    kernel(rule(7, 'x')(100), done(100))
    const [found] = listRules(socket(), ref)
    expect(found).toMatchObject({ chain: 'c', handle: 7, comment: 'x' })
    expect(found && [targetChain(found), ruleConsistsOf(found, [verdict({ jump: 'd' })])]).toEqual(['d', true])
    expect(found && [ruleConsistsOf(found, [verdict({ jump: 'e' })]), ruleConsistsOf(found, [verdict({ goto: 'd' })])]).toEqual([
      false,
      false,
    ])
  })

  it('leaves out what does not contain the text', () => {
    kernel(concat([rule(1, 'abc')(100), rule(2, 'abd')(100)]), done(100))
    expect(listRules(socket(), ref, { containing: ['abd'] }).map(({ handle }) => handle)).toEqual([2])
  })

  it('requests the dump again when the rules changed meanwhile, even if the flagged one does not contain the text', () => {
    kernel(concat([rule(1, 'abc', 0x12)(100), rule(2, 'abd')(100)]), done(100), rule(3, 'abd')(101), done(101))
    expect(listRules(socket(), ref, { containing: ['abd'] }).map(({ handle }) => handle)).toEqual([3])
  })

  it.each([22, 95])('is empty when the kernel has no nf_tables: errno %i', (errno) => {
    kernel(ack(100, errno))
    expect(listRules(socket(), ref)).toEqual([])
  })

  it('throws another failure of the kernel', () => {
    kernel(ack(100, 1))
    expect(() => listRules(socket(), ref, { chain: 'c' })).toThrow(/^list rules inet t c: /)
  })

  it('is an error when a message is cut inside an attribute', () => {
    const whole = rule(1, 'abc')(100)
    const output = Array.from({ length: whole.length - 20 }, (_, i) => {
      const cut = whole.slice(0, 20 + i)
      new DataView(cut.buffer).setUint32(0, cut.length, true)
      kernel(cut, done(100))
      try {
        return listRules(socket(), ref)[0]?.comment
      } catch (error) {
        return error instanceof RangeError ? 'cut' : error
      }
    })
    // Between two attributes nothing shows that more was meant to follow.
    expect(new Set(output)).toEqual(new Set(['', 'cut', 'abc']))
  })

  it('reads a rule without target and expressions', () => {
    const bare = { chain: 'c', handle: 1, comment: '', note: '', list: undefined }
    expect([targetChain(bare), ruleConsistsOf(bare, []), ruleConsistsOf(bare, [verdict('drop')])]).toEqual(['', true, false])
  })
})
