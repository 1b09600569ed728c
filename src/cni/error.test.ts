import { describe, expect, it } from 'vitest'
import { EAGAIN, EBUSY, ENOENT, ENOSPC, EROFS, ETIMEDOUT } from '../host/errno.ts'
import { SysError } from '../host/error.ts'
import { CniError, encodeError, gatherErrors, toCniError } from './error.ts'

const fail = (error: unknown) => () => {
  throw error
}

describe('toCniError', () => {
  it('returns a typed error unchanged', () => {
    const error = new CniError(50, 'no')
    expect(toCniError(error)).toBe(error)
  })

  it.each([
    [new SysError('flock /x', EAGAIN), 11, 'flock /x: '],
    [new SysError('add link', EBUSY), 11, 'add link: '],
    [new SysError('wait', ETIMEDOUT), 11, 'wait: '],
    [new SysError('open /x', ENOENT), 5, 'open /x: '],
    [new SysError('write /x', ENOSPC), 5, 'write /x: '],
    [new SysError('mkdir /x', EROFS), 5, 'mkdir /x: '],
    [new RangeError('out of bounds'), 999, 'RangeError: out of bounds'],
    [new TypeError('no function'), 999, 'TypeError: no function'],
    ['a string', 999, 'a string'],
    [undefined, 999, 'undefined'],
  ])('makes of %s code %i', (error, code, message) => {
    expect(toCniError(error)).toMatchObject({ code, message: expect.stringContaining(message) })
  })

  it('reports the stack when a program error is thrown', () => {
    expect(toCniError(new TypeError('no')).details).toContain('error.test.ts')
  })
})

describe('encodeError', () => {
  it('is the JSON of the specification, indented as libcni does', () => {
    const text = '{\n    "cniVersion": "1.0.0",\n    "code": 7,\n    "msg": "wrong",\n    "details": "here"\n}'
    expect(encodeError(new CniError(7, 'wrong', 'here'), '1.0.0')).toBe(text)
  })

  it('leaves empty details out', () => {
    expect(JSON.parse(encodeError(new CniError(7, 'wrong'), '1.0.0'))).toEqual({ cniVersion: '1.0.0', code: 7, msg: 'wrong' })
  })
})

describe('gatherErrors', () => {
  it('tries every step', () => {
    const done: string[] = []
    expect(() => gatherErrors('DEL', [() => done.push('a'), fail(new Error('b')), () => done.push('c')])).toThrow('b')
    expect(done).toEqual(['a', 'c'])
  })

  it('throws the only failure as it is', () => {
    const error = new CniError(11, 'locked', 'by another')
    expect(() => gatherErrors('DEL', [() => {}, fail(error)])).toThrow(error)
  })

  it('reports all failures under the code of the first', () => {
    const steps = [fail(new CniError(11, 'locked', 'by another')), fail(new CniError(5, 'broken'))]
    expect(() => gatherErrors('DEL', steps)).toThrow(
      expect.objectContaining({
        code: 11,
        message: 'DEL: 2 steps failed, first: locked',
        details: 'locked (by another)\nbroken',
      }),
    )
  })

  it('returns where nothing failed', () => {
    expect(gatherErrors('DEL', [])).toBeUndefined()
  })
})
