import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { formatDay, formatEntry } from './log-entry.ts'

const noon = Date.UTC(2026, 10, 21, 12) / 1000
const text = (message: string, fields = {}) =>
  formatEntry(noon, 'info', message, fields).slice(`2026-11-21T12:00:00.000Z ${process.pid} info `.length)

describe('formatEntry', () => {
  it('begins with the UTC time, the process and the level', () => {
    expect(formatEntry(noon + 0.0625, 'warn', 'x')).toBe(`2026-11-21T12:00:00.062Z ${process.pid} warn x\n`)
  })

  it.each([
    ['a newline', 'a\nb', 'a\\nb\n'],
    ['other control characters', 'a\r\t\x1b[0m\x7f\x85', 'a\\u000d\\u0009\\u001b[0m\\u007f\\u0085\n'],
    ['line separators', '\u2028\u2029', '\\u2028\\u2029\n'],
    ['half a surrogate pair', '\ud83d', '\\ud83d\n'],
    ['characters outside ASCII', 'größe 世界 🚀', 'größe 世界 🚀\n'],
  ])('keeps one line when the message has %s', (_what, message, line) => {
    expect(text(message)).toBe(line)
  })

  it.each([
    [{ ip: '10.1.0.5', mtu: 1500 }, 'm ip=10.1.0.5 mtu=1500\n'],
    [{ empty: '' }, 'm empty=""\n'],
    [{ path: 'a b' }, 'm path="a b"\n'],
    [{ say: 'a "b" \\ c' }, 'm say="a \\"b\\" \\\\ c"\n'],
    [{ forged: 'x level=error' }, 'm forged="x level=error"\n'],
    [{ line: 'x\ny' }, 'm line=x\\ny\n'],
    [{ 'k\ney': 1 }, 'm k\\ney=1\n'],
  ])('writes fields %j so that they can be distinguished', (fields, line) => {
    expect(text('m', fields)).toBe(line)
  })

  it('cuts an entry that would fill the file', () => {
    expect(text('x'.repeat(100_000))).toHaveLength(8194)
    expect(text('x'.repeat(100_000)).endsWith('x…\n')).toBe(true)
  })

  it('is one line of printable characters whatever is put in', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.dictionary(fc.string({ unit: 'binary' }), fc.string({ unit: 'binary' })),
        (message, fields) => {
          const entry = formatEntry(noon, 'info', message, fields)
          expect(entry.indexOf('\n')).toBe(entry.length - 1)
          expect([...entry.slice(0, -1)].every((char) => char >= ' ' && char !== '\x7f')).toBe(true)
        },
      ),
    )
  })
})

describe('formatDay', () => {
  it.each(['1970-01-01', '1999-12-31', '2000-02-29', '2024-02-29', '2026-03-01', '2099-12-31', '2100-03-01', '2400-02-29'])(
    'names %s',
    (day) => {
      expect(formatDay(Date.parse(day) / 1000)).toBe(day)
      expect(formatDay(Date.parse(day) / 1000 + 86_399)).toBe(day)
    },
  )

  it('agrees with the calendar on any day', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e9 }), (seconds) => {
        expect(formatDay(seconds)).toBe(new Date(seconds * 1000).toISOString().slice(0, 10))
      }),
    )
  })
})
