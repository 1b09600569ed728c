import { describe, expect, it } from 'vitest'
import { parseArgs } from './args.ts'

describe('parseArgs', () => {
  it.each([
    ['', []],
    ['IP=10.1.0.5', [['IP', '10.1.0.5']]],
    ['IP=', [['IP', '']]],
    [
      'MAC=a;GATEWAY=b;MAC=c',
      [
        ['MAC', 'c'],
        ['GATEWAY', 'b'],
      ],
    ],
    [
      'K8S_POD_UID=u;IgnoreUnknown=1;K8S_POD_NAMESPACE=ns;K8S_POD_NAME=p;K8S_POD_INFRA_CONTAINER_ID=i',
      [
        ['K8S_POD_UID', 'u'],
        ['IgnoreUnknown', '1'],
        ['K8S_POD_NAMESPACE', 'ns'],
        ['K8S_POD_NAME', 'p'],
        ['K8S_POD_INFRA_CONTAINER_ID', 'i'],
      ],
    ],
    [
      'IgnoreUnknown=TRUE;FOO=x',
      [
        ['IgnoreUnknown', 'TRUE'],
        ['FOO', 'x'],
      ],
    ],
  ])('reads %j', (text, pairs) => {
    expect([...parseArgs(text)]).toEqual(pairs)
  })

  it.each([
    ['none', 'CNI_ARGS: invalid pair "none"'],
    ['IP=1;', 'CNI_ARGS: invalid pair ""'],
    [';IP=1', 'CNI_ARGS: invalid pair ""'],
    ['IP=a=b', 'CNI_ARGS: invalid pair "IP=a=b"'],
    ['=x', 'CNI_ARGS: invalid pair "=x"'],
    ['FOO=bar;IP=1', 'CNI_ARGS: unknown args ["FOO=bar"]'],
    ['ip=1;FOO=', 'CNI_ARGS: unknown args ["ip=1" "FOO="]'],
    ['IgnoreUnknown=0;FOO=bar', 'CNI_ARGS: unknown args ["FOO=bar"]'],
    ['IgnoreUnknown=yes;FOO=bar', 'CNI_ARGS: unknown args ["FOO=bar"]'],
  ])('rejects %j', (text, message) => {
    expect(() => parseArgs(text)).toThrow(expect.objectContaining({ code: 4, message }))
  })

  it("knows the caller's own keys", () => {
    expect(parseArgs('FOO=bar', ['FOO']).get('FOO')).toBe('bar')
    expect(() => parseArgs('FOO=bar;BAZ=1', ['FOO'])).toThrow('unknown args ["BAZ=1"]')
  })
})
