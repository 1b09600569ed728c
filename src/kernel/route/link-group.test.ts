import { expect, it } from 'vitest'
import { groupOf } from './link-group.ts'

it.each([
  [0, 0x40404040],
  [1, 0x40404041],
  [64, 0x40404140],
  [0xffffff, 0x7f7f7f7f],
])('the group for the link #%i is four letters, and none that `ip` could not name', (index, group) => {
  expect(groupOf(index)).toBe(group)
})

it('no two of the links of a node have the same group', () => {
  const indexes = Array.from({ length: 5000 }, (_, i) => i * 37)
  expect(new Set(indexes.map(groupOf)).size).toBe(indexes.length)
})
