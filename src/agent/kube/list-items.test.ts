import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Json } from '../../cni/json.ts'
import { ListItems } from './list-items.ts'

function takeApart(text: string, chunk: number): { items: Json[]; list: Json } {
  const items: Json[] = []
  const parser = new ListItems((item) => items.push(item))
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += chunk) parser.write(bytes.subarray(at, at + chunk))
  return { items, list: parser.end() }
}

describe('a list that is parsed while it arrives', () => {
  const items = [
    { a: 1, text: 'braces }]{[ and "quotes" and a backslash \\' },
    { b: { c: [{ d: '\\"' }, []] } },
    {},
    { name: 'Grüße, 世界' },
    { last: [[{}]] },
  ]
  const texts = [
    JSON.stringify({ kind: 'NodeList', metadata: { resourceVersion: '7', continue: 'x' }, items }),
    JSON.stringify({ items, metadata: { resourceVersion: '7', continue: 'x' }, kind: 'NodeList' }, undefined, 2),
  ]

  it.each(texts)('gives the items and the list around them, whatever the chunks: %#', (text) => {
    for (const chunk of [1, 2, 3, 7, 64, text.length, text.length * 2]) {
      expect(takeApart(text, chunk)).toEqual({
        items,
        list: { kind: 'NodeList', metadata: { resourceVersion: '7', continue: 'x' }, items: [] },
      })
    }
  })

  it('takes any objects', () => {
    const objects = fc.array(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 3 })))
    fc.assert(
      fc.property(objects, fc.integer({ min: 1, max: 50 }), (list, chunk) => {
        const text = JSON.stringify({ metadata: {}, items: list })
        expect(takeApart(text, chunk).items).toEqual(JSON.parse(text).items)
      }),
      { numRuns: 200 },
    )
  })

  it.each(['{"items":[]}', '{"items":null}', '{"kind":"Status"}', '{ "items" : [ ] }\n'])('takes a list without items: %s', (text) => {
    expect(takeApart(text, 3)).toEqual({ items: [], list: JSON.parse(text) })
  })

  it.each([
    ['nothing', ''],
    ['the end is missing', '{"items":[{"a":1}'],
    ['an item is cut', '{"items":[{"a":'],
    ['a string does not end', '{"items":[{"a":"}]}'],
    ['an item is not JSON', '{"items":[{a}]}'],
    ['the list is not JSON', '{items:[]}'],
    ['something follows', '{"items":[]}{'],
    ['an error page', '<html>no [such] {page}</html>'],
  ])('throws when %s', (_, text) => {
    expect(() => takeApart(text, 4)).toThrow()
  })

  it('throws when one item has no end for 16 MiB', () => {
    const parser = new ListItems(() => {})
    parser.write(Buffer.from('{"items":[{"a":"'))
    const more = Buffer.alloc(1 << 20, 'x')
    expect(() => {
      for (let i = 0; i < 20; i++) parser.write(more)
    }).toThrow('over 16 MiB')
  })
})
