import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { loadNetwork } from './load.ts'

let dir = ''
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwire-load-'))
})
afterEach(() => rmSync(dir, { recursive: true }))

function put(files: Readonly<Record<string, unknown>>): void {
  for (const [name, content] of Object.entries(files)) {
    const path = join(dir, name)
    mkdirSync(dirname(path), { recursive: true })
    writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content))
  }
}
const list = (name: string, ...types: string[]) => ({ cniVersion: '1.0.0', name, plugins: types.map((type) => ({ type })) })
const types = (name: string) => loadNetwork(dir, name).plugins.map(({ type }) => type)

describe('a network is loaded by its name', () => {
  it('from the first list by file name, whatever order they came in', () => {
    put({ '20-b.conflist': list('net', 'second'), '10-a.conflist': list('net', 'first'), '00-other.conflist': list('other', 'x') })
    expect(types('net')).toEqual(['first'])
  })

  it('from a list before a file with one plugin, which comes where no list has the name', () => {
    put({
      '10-a.conf': { type: 'single', name: 'net' },
      '20-b.conflist': list('net', 'listed'),
      '30-c.json': { type: 'alone', name: 'one' },
    })
    expect(types('net')).toEqual(['listed'])
    expect(loadNetwork(dir, 'one')).toMatchObject({ name: 'one', cniVersion: '', plugins: [{ type: 'alone', name: 'one' }] })
  })

  it('with the plugins of the directory next to it, unless loadOnlyInlinedPlugins is set', () => {
    put({
      'a.conflist': list('net', 'listed'),
      'net/20.conf': { type: 'later' },
      'net/10.conf': { type: 'sooner' },
      'net/30.conflist': { type: 'none of them' },
      'b.conflist': { ...list('alone', 'listed'), loadOnlyInlinedPlugins: true },
      'alone/10.conf': { type: 'left out' },
      'c.conflist': { cniVersion: '1.0.0', name: 'next' },
      'next/10.conf': { type: 'all there is' },
    })
    expect(types('net')).toEqual(['listed', 'sooner', 'later'])
    expect(types('alone')).toEqual(['listed'])
    expect(types('next')).toEqual(['all there is'])
  })

  it('through a link, and not from a directory that looks like a list', () => {
    put({ 'far/a.txt': list('net', 'linked'), '00.conflist/x': '' })
    symlinkSync(join(dir, 'far/a.txt'), join(dir, '10.conflist'))
    expect(types('net')).toEqual(['linked'])
  })

  it.each([
    ['nothing there', {}, 'no net configurations found in DIR'],
    ['another network', { 'a.conflist': list('other', 'x') }, 'no net configuration with name "net" in DIR'],
    ['a broken list before it', { '00.conflist': '{', '10.conflist': list('net', 'x') }, 'DIR/00.conflist is not JSON'],
    ['a list without any plugin', { '00.conflist': { name: 'net' } }, 'DIR/00.conflist: the list has no plugins'],
    [
      'a plugin next to it without a type',
      { '00.conflist': list('net', 'x'), 'net/1.conf': {} },
      "DIR/net/1.conf.type: expected a plugin's name",
    ],
  ])('not with %s', (_, files, message) => {
    put(files)
    expect(() => loadNetwork(dir, 'net')).toThrow(message.replace('DIR', dir))
  })
})
