import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { log, openLog } from './log.ts'
import { sys } from './sys.ts'

const today = '2026-11-21'
let dir: string
let file: string

beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'podwire-log-'))
  file = join(dir, 'podwire.log')
  vi.spyOn(sys, 'clock_gettime').mockReturnValue(at(today))
})
afterEach(() => {
  openLog({})
  vi.restoreAllMocks()
  rmSync(dir, { recursive: true })
})

const at = (day: string) => Date.parse(`${day}T12:00:00Z`) / 1000
const written = (path = file) => readFileSync(path, 'utf8')
const lines = (path = file) => written(path).trimEnd().split('\n')
const writeAt = (day: string, content = `entry of ${day}\n`) => {
  writeFileSync(file, content)
  utimesSync(file, at(day), at(day))
}

describe('log', () => {
  it.each([
    [undefined, ['error', 'warn', 'info']],
    ['error', ['error']],
    ['warn', ['error', 'warn']],
    ['info', ['error', 'warn', 'info']],
    ['debug', ['error', 'warn', 'info', 'debug']],
  ])('writes at level %s what that level includes', (level, expected) => {
    openLog({ file, level })
    for (const name of ['error', 'warn', 'info', 'debug'] as const) log[name]('said')
    expect(lines().map((line) => line.split(' ')[2])).toEqual(expected)
  })

  it('reports an unknown level once, and continues at info', () => {
    openLog({ file, level: 'loud' })
    log.info('kept')
    log.debug('dropped')
    expect(lines()).toHaveLength(2)
    expect(lines()[0]).toMatch(/ warn unknown log level, using info level=loud known=error,warn,info,debug$/)
    expect(lines()[1]).toMatch(/ info kept$/)
  })

  it('writes nothing when no file is configured', () => {
    openLog({ level: 'debug' })
    log.error('nowhere')
    expect(readdirSync(dir)).toEqual([])
  })

  it('makes the folder when it is missing, for the owner and the group to read', () => {
    openLog({ file: join(dir, 'new', 'podwire.log') })
    log.info('first', { ip: '10.1.0.5' })
    expect(written(join(dir, 'new', 'podwire.log'))).toMatch(/^2026-11-21T12:00:00\.000Z \d+ info first ip=10\.1\.0\.5\n$/)
    expect(statSync(join(dir, 'new', 'podwire.log')).mode & 0o007).toBe(0)
  })

  it.each([
    ['a folder', 'podwire.log', () => mkdirSync(file)],
    ['a pipe without a reader', 'podwire.log', () => execFileSync('mkfifo', [file])],
    ['a link to stdout', 'podwire.log', () => symlinkSync('/proc/self/fd/1', file)],
    ['a link to another file', 'podwire.log', () => symlinkSync(join(dir, 'other'), file)],
    ['below a file', 'plain/podwire.log', () => writeFileSync(join(dir, 'plain'), '')],
    ['below two missing folders', 'a/b/podwire.log', () => {}],
    ['a device', '/dev/full', () => {}],
  ])('goes on in silence when the file is %s', (_what, path, prepare) => {
    prepare()
    file = resolve(dir, path)
    openLog({ file, level: 'nonsense' })
    expect(() => log.error('lost')).not.toThrow()
    expect(existsSync(join(dir, 'other'))).toBe(false)
  })

  it('continues silently when the disk is full', () => {
    vi.spyOn(sys, 'write').mockImplementation(() => {
      throw Object.assign(new Error('write: No space left on device'), { op: 'write', errno: 28 })
    })
    openLog({ file })
    expect(() => log.error('lost')).not.toThrow()
    expect(written()).toBe('')
  })
})

describe('log rotation', () => {
  it('begins a new file on the first entry of a day and names the old one by its own', () => {
    writeAt('2026-11-18')
    openLog({ file })
    log.info('new')
    log.info('newer')
    expect(readdirSync(dir).sort()).toEqual(['podwire-2026-11-18.log', 'podwire.log'])
    expect(written(join(dir, 'podwire-2026-11-18.log'))).toBe('entry of 2026-11-18\n')
    expect(lines().map((line) => line.split(' ').slice(3).join(' '))).toEqual([
      'log rotated reason="new day" previous=podwire-2026-11-18.log',
      'new',
      'newer',
    ])
  })

  it('begins a new file at 10 MiB and logs that', () => {
    openLog({ file })
    for (const name of ['podwire-2026-11-21.log', 'podwire-2026-11-21.1.log', 'podwire-2026-11-21.2.log']) {
      writeAt(today)
      truncateSync(file, 10 * 1024 * 1024)
      utimesSync(file, at(today), at(today))
      log.info('new')
      expect(statSync(join(dir, name)).size).toBe(10 * 1024 * 1024)
      expect(lines()[0]).toContain(`log rotated reason="over 10 MiB" previous=${name}`)
    }
  })

  it('overwrites no file of that day when there is one', () => {
    writeFileSync(join(dir, 'podwire-2026-11-20.log'), 'earlier\n')
    writeAt('2026-11-20')
    openLog({ file })
    log.info('new')
    expect(written(join(dir, 'podwire-2026-11-20.log'))).toBe('earlier\n')
    expect(written(join(dir, 'podwire-2026-11-20.1.log'))).toBe('entry of 2026-11-20\n')
  })

  it('keeps the file when it is of today, empty, or from a clock that went back', () => {
    openLog({ file })
    for (const [day, content] of [
      [today, 'x\n'],
      ['2026-11-25', 'x\n'],
      ['2026-11-01', ''],
    ] as const) {
      writeAt(day, content)
      log.info('new')
      expect(readdirSync(dir)).toEqual(['podwire.log'])
    }
  })

  it('keeps rotated files for 60 days and leaves what is not its own', () => {
    const others = [
      'podwire-2020-01-01.log.gz',
      'podwire-2020-01-0x.log',
      'podwire-2020-01-01.x.log',
      'podwire-2020-01-01.01.log',
      'other-2020-01-01.log',
    ]
    const kept = ['podwire-2026-09-22.log', 'podwire-2026-09-22.3.log', 'podwire-2026-11-20.log']
    const old = ['podwire-2026-09-21.log', 'podwire-2026-09-21.2.log', 'podwire-1999-12-31.log']
    for (const name of [...others, ...kept, ...old]) writeFileSync(join(dir, name), '')
    writeAt('2026-11-20')
    openLog({ file })
    log.info('new')
    expect(readdirSync(dir).sort()).toEqual([...others, ...kept, 'podwire-2026-11-20.1.log', 'podwire.log'].sort())
  })

  it('keeps the newest hundred files when a day makes more', () => {
    for (let i = 1; i <= 120; i++) writeFileSync(join(dir, `podwire-2026-11-20.${i}.log`), '')
    writeAt('2026-11-20')
    openLog({ file })
    log.info('new')
    const rotated = readdirSync(dir).filter((name) => name !== 'podwire.log')
    expect(rotated).toHaveLength(100)
    expect(rotated).toContain('podwire-2026-11-20.120.log')
    expect(rotated).not.toContain('podwire-2026-11-20.20.log')
  })

  it('still writes the entry when the folder cannot be changed', () => {
    writeAt('2026-11-20')
    vi.spyOn(sys, 'rename').mockImplementation(() => {
      throw Object.assign(new Error('rename: Permission denied'), { op: 'rename', errno: 13 })
    })
    openLog({ file })
    log.info('new')
    expect(lines()).toHaveLength(2)
  })
})
