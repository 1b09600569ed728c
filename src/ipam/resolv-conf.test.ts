import { expect, it } from 'vitest'
import { parseResolvConf } from './resolv-conf.ts'

it.each([
  ['', {}],
  ['nameserver 192.0.2.0\n', { nameservers: ['192.0.2.0'] }],
  ['nameserver 192.0.2.0\nnameserver fd00::1 ignored', { nameservers: ['192.0.2.0', 'fd00::1'] }],
  ['domain a\ndomain example.net\n', { domain: 'example.net' }],
  ['search a b\nsearch c\n', { search: ['a', 'b', 'c'] }],
  ['options ndots:1\n\toptions\ttimeout:2  rotate\r\n', { options: ['ndots:1', 'timeout:2', 'rotate'] }],
  ['# nameserver 1\n;domain x\n  # search y\n', {}],
  ['nameserver\nsearch \nwhat ever\n\0\xff\n', {}],
])('parseResolvConf reads %j', (text, expected) => {
  expect(parseResolvConf(text)).toEqual(expected)
})
