import {
  chmodSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { sys } from './sys.ts'
import {
  copyFile,
  makeDirectories,
  readWhole,
  removeTempFiles,
  replaceByLink,
  replaceFile,
  replaceText,
  sha256ByFile,
  sha256Of,
} from './whole-file.ts'

let dir: string
let file: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwire-file-'))
  file = join(dir, 'file')
  return () => rmSync(dir, { recursive: true })
})

describe('replaceText', () => {
  it('writes the file with its mode, whatever the umask', () => {
    const umask = process.umask(0o077)
    expect(replaceText(file, 'größe\n', 0o644)).toBe(true)
    process.umask(umask)
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o7777]).toEqual(['größe\n', 0o644])
    expect(readdirSync(dir)).toEqual(['file'])
  })

  it('leaves a correct file alone', () => {
    replaceText(file, 'x', 0o600)
    const before = statSync(file)
    expect(replaceText(file, 'x', 0o600)).toBe(false)
    expect(statSync(file).ino).toBe(before.ino)
  })

  it.each([
    ['its text', () => writeFileSync(file, 'y')],
    ['its mode', () => chmodSync(file, 0o644)],
    [
      'its kind',
      () => {
        rmSync(file)
        symlinkSync('/etc/hostname', file)
      },
    ],
    ['its presence', () => rmSync(file)],
  ])('writes it again when %s has changed', (_what, change) => {
    replaceText(file, 'x', 0o600)
    change()
    expect(replaceText(file, 'x', 0o600)).toBe(true)
    expect([readFileSync(file, 'utf8'), statSync(file).mode & 0o777]).toEqual(['x', 0o600])
  })
})

describe('replaceFile', () => {
  it.each([
    ['filling', () => replaceFile(file, 0o600, () => sys.write(999, 'x')), `write ${'FILE'}: `],
    [
      'the check of the temp file',
      () =>
        replaceFile(
          file,
          0o600,
          (fd) => sys.write(fd, 'new'),
          () => {
            throw new Error('not good')
          },
        ),
      'not good',
    ],
  ])('leaves the old file and no temp file when %s fails', (_what, act, message) => {
    writeFileSync(file, 'old')
    expect(act).toThrow(message.replace('FILE', file))
    expect([readdirSync(dir), readFileSync(file, 'utf8')]).toEqual([['file'], 'old'])
  })
})

describe('whole files', () => {
  it('are read and hashed, or reported missing', () => {
    writeFileSync(file, `${'a'.repeat((256 << 10) - 1)}é`)
    expect(readWhole(file)).toBe(readFileSync(file, 'utf8'))
    writeFileSync(file, 'abc')
    expect(sha256Of(file)).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
    expect([readWhole(`${file}-`), sha256Of(`${file}-`)]).toEqual([undefined, undefined])
    expect(() => readWhole(file, 2)).toThrow('over 2 bytes')
  })

  it('are copied with their permissions', () => {
    writeFileSync(file, 'abc')
    chmodSync(file, 0o640)
    copyFile(file, `${file}2`)
    expect([readFileSync(`${file}2`, 'utf8'), statSync(`${file}2`).mode & 0o777]).toEqual(['abc', 0o640])
  })

  it('get a second name in the place of what was there', () => {
    writeFileSync(file, 'new')
    writeFileSync(`${file}2`, 'old')
    replaceByLink(file, `${file}2`)
    expect(statSync(`${file}2`).ino).toBe(statSync(file).ino)
    expect(readdirSync(dir)).toEqual(['file', 'file2'])
  })
})

it('removes the temp files of a writer that died and nothing else', () => {
  for (const name of ['.podwire-0123', '.other', 'podwire-1']) writeFileSync(join(dir, name), '')
  expect(removeTempFiles(dir)).toEqual(['.podwire-0123'])
  expect(readdirSync(dir).sort()).toEqual(['.other', 'podwire-1'])
  expect(removeTempFiles(join(dir, 'missing'))).toEqual([])
})

it('makes directories as far as they are missing', () => {
  mkdirSync(join(dir, 'a'))
  makeDirectories(join(dir, 'a/b/c'))
  makeDirectories(join(dir, 'a/b/c'))
  expect(statSync(join(dir, 'a/b/c')).isDirectory()).toBe(true)
  writeFileSync(file, '')
  expect(() => makeDirectories(`${file}/x`)).toThrow(/not a directory/i)
})

describe('sha256ByFile', () => {
  it('reads a file once when it has several names', () => {
    writeFileSync(file, 'x')
    linkSync(file, join(dir, 'other'))
    writeFileSync(join(dir, 'third'), 'y')
    const reads = vi.spyOn(sys, 'sha256')
    const hashOf = sha256ByFile()
    const [first, other, third, none] = ['file', 'other', 'third', 'none'].map((name) => hashOf(join(dir, name)))
    expect([other, third === first, none, reads.mock.calls.length]).toEqual([first, false, undefined, 2])
    reads.mockRestore()
  })
})
