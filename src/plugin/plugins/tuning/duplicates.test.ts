import { describe, expect, it } from 'vitest'
import { rejectDuplicateSysctls } from './duplicates.ts'

describe('rejectDuplicateSysctls()', () => {
  it.each([
    '{"sysctl":{"a":"1","a":"2"}}',
    '{"x":[{"sysctl":{}}],"SysCtl" : {"a":"1" , "b":"1",\n"a":"1"}}',
    '{"sysctl":{"a":"1","\\u0061":"2"}}',
    '{"sysctl":{"a":"1"},"sysctl":{"a":"2"}}',
    '{"y":"\\"{","sysctl":{"a":"}","a":"2"}}',
  ])('rejects %s', (text) => {
    expect(() => rejectDuplicateSysctls(text)).toThrow('sysctl.a: duplicated sysctl keys are not allowed')
  })

  it.each([
    '{}',
    '{"sysctl":{}}',
    '{"sysctl":{"a":"1","b":"a"}}',
    '{"sysctl":{"a":"1"},"args":{"cni":{"sysctl":{"a":"2"}}}}',
    '{"other":{"a":1,"a":2},"sysctl":{"a":"1"}}',
    '{"a":1,"a":2,"sysctl":["a","a"]}',
    '{"sysctl":{"a":"\\"a\\":"}}',
  ])('takes %s', (text) => {
    expect(() => rejectDuplicateSysctls(text)).not.toThrow()
  })
})
