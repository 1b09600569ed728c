import { describe, expect, it } from 'vitest'
import { formatAge, formatTable } from './output.ts'

describe('formatTable', () => {
  it('aligns columns and fills empty cells', () => {
    const rows = [
      ['ns/web', 1, ''],
      ['x', 20, 'a\u001b[0m\nb'],
    ]
    expect(formatTable(['POD', 'N', 'LINK'], rows, 'no pods')).toBe('POD     N   LINK\nns/web  1   -\nx       20  a?[0m?b')
  })

  it('prints the given text when there are no rows', () => {
    expect(formatTable(['POD'], [], 'no pods')).toBe('no pods')
  })
})

it.each([
  [0, '0s'],
  [-3, '0s'],
  [59.9, '59s'],
  [61, '1m1s'],
  [3600, '1h0m'],
  [90_000, '1d1h'],
  [undefined, ''],
])('formatAge(%s) is %j', (seconds, text) => {
  expect(formatAge(seconds)).toBe(text)
})
