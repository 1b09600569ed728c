import { execFileSync, spawnSync } from 'node:child_process'
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { stripElf } from '../../build/image/elf.ts'
import { type Entry, tar } from '../../build/image/tar.ts'

const file = (path: string, text: string, mode = 0o644): Entry => ({ kind: 'file', path, mode, bytes: Buffer.from(text) })
const listed = (archive: Buffer) =>
  execFileSync('tar', ['-tvf', '-'], { input: archive, encoding: 'utf8', env: { ...process.env, TZ: 'UTC' } })

describe('tar', () => {
  it('writes what tar reads', () => {
    const archive = tar([file('b/two', 'x'.repeat(513), 0o755), { kind: 'link', path: 'a', mode: 0o777, target: 'b/two' }], 86_400)
    expect(listed(archive).trim().split('\n')).toEqual([
      'lrwxrwxrwx root/root         0 1970-01-02 00:00 a -> b/two',
      'drwxr-xr-x root/root         0 1970-01-02 00:00 b/',
      '-rwxr-xr-x root/root       513 1970-01-02 00:00 b/two',
    ])
    expect(execFileSync('tar', ['-xOf', '-', 'b/two'], { input: archive, encoding: 'utf8' })).toBe('x'.repeat(513))
  })

  it('writes the same bytes whatever the order', () => {
    const entries = [file('b', '1'), file('a', '2'), file('c/d', '3')]
    expect(tar(entries, 0).equals(tar([...entries].reverse(), 0))).toBe(true)
  })

  it('takes a path that needs both fields', () => {
    const path = `${'d'.repeat(60)}/${'e'.repeat(60)}/${'f'.repeat(60)}`
    expect(listed(tar([file(path, '')], 0))).toContain(path)
  })

  it('rejects a path that fits in no field', () => {
    expect(() => tar([file('x'.repeat(101), '')], 0)).toThrow('the path is too long')
  })
})

describe('stripElf', () => {
  it('leaves a program that runs, and smaller', () => {
    const folder = mkdtempSync(join(tmpdir(), 'podwire-elf-'))
    try {
      writeFileSync(join(folder, 'p.c'), 'int main(void) { return 7; }\n')
      execFileSync('cc', ['-g', '-o', join(folder, 'p'), join(folder, 'p.c')])
      const whole = readFileSync(join(folder, 'p'))
      const stripped = stripElf(whole)
      writeFileSync(join(folder, 'q'), stripped)
      chmodSync(join(folder, 'q'), 0o755)
      expect(spawnSync(join(folder, 'q')).status).toBe(7)
      expect(stripped.byteLength).toBeLessThan(whole.byteLength)
      expect(Buffer.from(stripElf(stripped)).equals(stripped)).toBe(true)
    } finally {
      rmSync(folder, { recursive: true })
    }
  })

  it.each([
    ['an empty file', Buffer.alloc(0)],
    ['a script', Buffer.from(`#!/bin/sh\n${' '.repeat(64)}`)],
    ['32 bits', Buffer.concat([Buffer.from('7f454c460101', 'hex'), Buffer.alloc(64)])],
    ['the other byte order', Buffer.concat([Buffer.from('7f454c460202', 'hex'), Buffer.alloc(64)])],
  ])('rejects %s', (_, bytes) => {
    expect(() => stripElf(bytes)).toThrow('not a 64-bit little-endian ELF file')
  })
})
