import { describe, expect, it } from 'vitest'
import { matches, parsePattern } from './pattern.ts'

const fits = (pattern: string, text: string) => matches(parsePattern(pattern), text)

describe('matches()', () => {
  it.each([
    ['net.core.somaxconn', 'net.core.somaxconn', true],
    ['net.core.somaxconn', 'net.core.rmem_max', false],
    ['somax', 'net.core.somaxconn', true],
    ['^net\\.ipv4\\.', 'net.ipv4.tcp_rmem', true],
    ['^net\\.ipv4\\.', 'xnet.ipv4.tcp_rmem', false],
    ['^net\\.ipv4$', 'net.ipv4.tcp_rmem', false],
    ['net\\.core', 'netxcore', false],
    ['net.core', 'netxcore', true],
    ['^net.ipv4.conf.*arp$', 'net.ipv4.conf.all.proxy_arp', true],
    ['^(net|kernel)\\.', 'kernel.x', true],
    ['^(?:net|kernel)$', 'kernels', false],
    ['^a|b$', 'ax', true],
    ['^a|b$', 'xb', true],
    ['^a|b$', 'xbx', false],
    ['^[a-c_]+$', 'ab_c', true],
    ['^[a-c_]+$', 'abd', false],
    ['^[^.]+\\.', '.a', false],
    ['^[]a]$', ']', true],
    ['^[a-]$', '-', true],
    ['^[\\d.]+$', '1.2', true],
    ['^\\w+\\.\\d$', 'net.4', true],
    ['^\\D$', '4', false],
    ['^a{2}$', 'aa', true],
    ['^a{2}$', 'aaa', false],
    ['^a{1,2}b$', 'aab', true],
    ['^a{2,}$', 'a', false],
    ['^a{2,}$', 'aaaa', true],
    ['^ab?c*$', 'a', true],
    ['^(a*)*b$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaac', false],
    ['^(a|aa)+$', 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab', false],
    ['a*?', '', true],
    ['', 'anything', true],
    ['()', 'anything', true],
  ])('%j and %j: %s', (pattern, text, expected) => {
    expect(fits(pattern, text)).toBe(expected)
  })
})

describe('parsePattern()', () => {
  it.each([
    '(',
    ')',
    'a)',
    '[',
    '[a',
    '*',
    '+a',
    '?',
    '{2}',
    'a{',
    'a{x}',
    'a{2,1}',
    'a{1000}',
    '\\',
    '\\b',
    '\\pL',
    '(?i)a',
    '(?P<n>a)',
    '[z-a]',
    '[[:alpha:]]',
  ])('rejects %j', (pattern) => {
    expect(() => parsePattern(pattern)).toThrow(SyntaxError)
  })
})
