import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { CniError } from './error.ts'
import { parseJson, quote } from './json.ts'

const problem = (text: string) => {
  try {
    parseJson(text, 'the file')
  } catch (error) {
    if (error instanceof CniError) return { code: error.code, message: error.message }
    throw error
  }
  return undefined
}

describe('parseJson', () => {
  it('returns the value of the text', () => {
    expect(parseJson(' {"a": [1, -2.5e3, "\\u00e9", true, null]}\n', 'x')).toEqual({ a: [1, -2500, 'é', true, null] })
  })

  it.each([
    ['', 'it is empty'],
    [' \n\t', 'it is empty'],
    ['{', 'line 1, column 2: it ends early'],
    ['{"a": 1,\n  "b": }', 'line 2, column 8: unexpected "}"'],
    ['{"a": 1\n "b": 2}', 'line 2, column 2: unexpected "\\"b\\": 2}"'],
    ["{'a': 1}", 'line 1, column 2: unexpected "\'a\': 1}"'],
    ['{"a": 1,}', 'line 1, column 9: unexpected "}"'],
    ['[1, 2,]', 'line 1, column 7: unexpected "]"'],
    ['[1 2]', 'line 1, column 4: unexpected "2]"'],
    ['{"a" 1}', 'line 1, column 6: unexpected "1}"'],
    ['{"a": 1}}', 'line 1, column 9: unexpected "}"'],
    ['{"a": 1} x', 'line 1, column 10: unexpected "x"'],
    ['{"a": tru}', 'line 1, column 10: unexpected "}"'],
    ['{"a": True}', 'line 1, column 7: unexpected "True}"'],
    ['[nullx]', 'line 1, column 6: unexpected "x]"'],
    ['[01]', 'line 1, column 3: unexpected "1]"'],
    ['[1.]', 'line 1, column 4: unexpected "]"'],
    ['[-]', 'line 1, column 3: unexpected "]"'],
    ['[1e]', 'line 1, column 4: unexpected "]"'],
    ['[.5]', 'line 1, column 2: unexpected ".5]"'],
    ['[+5]', 'line 1, column 2: unexpected "+5]"'],
    ['"a\nb"', 'line 1, column 3: unexpected "\\nb\\""'],
    ['"a\\xb"', 'line 1, column 4: unexpected "xb\\""'],
    ['"\\u12g4"', 'line 1, column 6: unexpected "g4\\""'],
    ['"abc', 'line 1, column 5: it ends early'],
    ['"abc\\', 'line 1, column 6: it ends early'],
    ['"abc\\"', 'line 1, column 7: it ends early'],
    ['// no\n{}', 'line 1, column 1: unexpected "// no\\n{}"'],
    ['\ufeff{}', 'line 1, column 1: unexpected "\ufeff{}"'],
    ['NaN', 'line 1, column 1: unexpected "NaN"'],
    ['{}\0', 'line 1, column 3: unexpected "\\u0000"'],
    ['[\u00a01]', 'line 1, column 2: unexpected "\u00a01]"'],
    ['{\r\n  "a": x\r\n}', 'line 2, column 8: unexpected "x\\r\\n}"'],
  ])('names the place when the text is %j', (text, place) => {
    expect(problem(text)).toEqual({ code: 6, message: `the file is not JSON: ${place}` })
  })

  it('rejects what is nested deeper than the stack', () => {
    expect(problem('['.repeat(1_000_000))).toMatchObject({ code: 6 })
  })

  it('throws nothing but its own error, with a place, whatever the bytes', () => {
    const bytes = fc.uint8Array({ maxLength: 40 }).map((raw) => Buffer.from(raw).toString())
    const nearly = fc.json({ maxDepth: 3 }).chain((text) =>
      fc.tuple(fc.nat(text.length), fc.string({ maxLength: 3 }), fc.nat(3)).map(([at, added, cut]) => {
        return text.slice(0, at) + added + text.slice(at + cut)
      }),
    )
    fc.assert(
      fc.property(fc.oneof(bytes, nearly), (text) => {
        const found = problem(text)
        if (found) expect(found).toMatchObject({ code: 6, message: expect.stringMatching(/it is empty|line \d+, column \d+: /) })
        else expect(parseJson(text, '')).toEqual(JSON.parse(text))
      }),
      { numRuns: 2000 },
    )
  })

  it('names as the place the end of the longest beginning that can still become JSON', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 2 }), fc.integer({ min: 0, max: 200 }), (text, at) => {
        const broken = `${text.slice(0, at)}\u0001`
        if (at >= text.length) return
        expect(problem(broken)?.message).toContain(`column ${at + 1}: unexpected "\\u0001"`)
      }),
    )
  })
})

describe('quote', () => {
  it.each([
    [undefined, 'nothing'],
    [null, 'null'],
    ['a"b', '"a\\"b"'],
    [{ a: [1] }, '{"a":[1]}'],
    ['x'.repeat(100), `"${'x'.repeat(56)}...`],
  ])('shows %j', (value, text) => {
    expect(quote(value)).toBe(text)
  })
})
