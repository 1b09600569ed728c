import { expect, it } from 'vitest'
import { differ } from './diff.ts'

const keyOf = (body: string) => body.charAt(0)

it.each<[string, string[], string[], ReturnType<typeof differ>]>([
  ['all are there', ['a1', 'b1'], ['b1', 'a1'], { add: [], replace: [], remove: [] }],
  ['none is there', ['a1', 'b1'], [], { add: ['a1', 'b1'], replace: [], remove: [] }],
  ['one is stale', ['a1'], ['a1', 'b1'], { add: [], replace: [], remove: ['b1'] }],
  ['one is another', ['a1', 'b1'], ['a2', 'b1'], { add: [], replace: ['a1'], remove: [] }],
  ['one is another, one missing, one stale', ['a1', 'b1'], ['a2', 'c1'], { add: ['b1'], replace: ['a1'], remove: ['c1'] }],
  ['nothing is wanted', [], ['a1'], { add: [], replace: [], remove: ['a1'] }],
  ['one is there in another form', ['a1'], ['A1'], { add: [], replace: [], remove: [] }],
])('differ() where %s', (_, wanted, found, difference) => {
  expect(differ(wanted, found, keyOf, (body) => body.toLowerCase())).toEqual(difference)
})
