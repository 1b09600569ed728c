import { describe, expect, it } from 'vitest'
import { Lines } from './lines.ts'

function linesOf(text: string, chunk: number): string[] {
  const found: string[] = []
  const lines = new Lines((line) => found.push(line))
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += chunk) lines.write(bytes.subarray(at, at + chunk))
  return found
}

describe('lines', () => {
  it.each([
    ['one\ntwo\n', ['one', 'two']],
    ['\n\nthree\n', ['', '', 'three']],
    ['Grüße\nnot ended', ['Grüße']],
    ['', []],
  ])('are whole whatever the chunks: %j', (text, expected) => {
    for (const chunk of [1, 2, 3, 100]) expect(linesOf(text, chunk)).toEqual(expected)
  })

  it('throw when one has no end for 16 MiB', () => {
    const lines = new Lines(() => {})
    const more = Buffer.alloc(1 << 20, 'x')
    expect(() => {
      for (let i = 0; i < 20; i++) lines.write(more)
    }).toThrow('over 16 MiB')
  })
})
