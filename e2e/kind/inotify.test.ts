import { watch } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { inotifyWarning } from './inotify.ts'

describe('inotifyWarning', () => {
  it('is empty when the nodes fit', () => {
    expect(inotifyWarning(3, 60, 128)).toBeUndefined()
  })

  it('names what is in use, the limit and the sysctl', () => {
    expect(inotifyWarning(3, 119, 128)).toBe(
      'kind: 119 of 128 inotify instances are in use and 3 nodes want about 60: raise fs.inotify.max_user_instances, or end other clusters',
    )
  })

  it('counts the instances of this machine', () => {
    const watcher = watch('/tmp')
    const [, used] = /: (\d+) of/.exec(inotifyWarning(1, undefined, 0) ?? '') ?? []
    watcher.close()
    expect(Number(used)).toBeGreaterThan(0)
  })
})
