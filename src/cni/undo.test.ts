import { describe, expect, it } from 'vitest'
import { CniError } from './error.ts'
import { withUndo } from './undo.ts'

describe('withUndo', () => {
  it('returns what the body returns and undoes nothing', () => {
    const undone: string[] = []
    const result = withUndo((undo) => {
      undo('a', () => undone.push('a'))
      return 5
    })
    expect(result).toBe(5)
    expect(undone).toEqual([])
  })

  it('undoes in reverse when the body throws, and throws that error', () => {
    const undone: string[] = []
    const error = new CniError(11, 'locked')
    const body = () =>
      withUndo((undo) => {
        undo('a', () => undone.push('a'))
        undo('b', () => undone.push('b'))
        throw error
      })
    expect(body).toThrow(error)
    expect(undone).toEqual(['b', 'a'])
  })

  it('continues after a failing step and adds it to the first error', () => {
    const undone: string[] = []
    const body = () =>
      withUndo((undo) => {
        undo('release the lease', () => undone.push('lease'))
        undo('delete the pair', () => {
          throw new CniError(5, 'no such device', 'eth0')
        })
        throw new CniError(11, 'locked', 'by 42')
      })
    expect(body).toThrow(
      expect.objectContaining({ code: 11, message: 'locked', details: 'by 42\ncould not delete the pair: no such device (eth0)' }),
    )
    expect(undone).toEqual(['lease'])
  })

  it('reports a thrown non-error as code 999 when a step fails as well', () => {
    const body = () =>
      withUndo((undo) => {
        undo('a', () => {
          throw new Error('second')
        })
        throw new TypeError('first')
      })
    expect(body).toThrow(
      expect.objectContaining({ code: 999, message: 'TypeError: first', details: expect.stringContaining('could not a: Error: second') }),
    )
  })
})
