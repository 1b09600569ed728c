import { describe, expect, it } from 'vitest'
import { mountOf } from './mounts.ts'

const mountinfo = `21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw,errors=remount-ro
22 21 0:20 / /opt rw,nosuid - tmpfs tmpfs rw
23 22 0:21 / /opt/cni ro,noexec,relatime master:2 propagate_from:1 - tmpfs tmpfs rw,size=1k
24 21 0:22 / /mnt/a\\040b rw - tmpfs tmpfs rw
25 22 0:23 / /opt/cni rw,relatime - tmpfs tmpfs ro
a line without fields
`

describe('mountOf', () => {
  it.each([
    ['/etc/cni', '/', ['rw', 'relatime', 'rw', 'errors=remount-ro']],
    ['/opt', '/opt', ['rw', 'nosuid', 'rw']],
    ['/optional', '/', ['rw', 'relatime', 'rw', 'errors=remount-ro']],
    // The later one lies over the earlier.
    ['/opt/cni/bin', '/opt/cni', ['rw', 'relatime', 'ro']],
    ['/mnt/a b/c', '/mnt/a b', ['rw', 'rw']],
  ])('finds what %s is on', (path, point, options) => {
    expect(mountOf(mountinfo, path)).toEqual({ point, options })
  })

  it.each(['', '\n\n', '21 1 8:1 / / rw,relatime shared:1', '- - - - - - -'])('finds nothing in %j', (text) => {
    expect(mountOf(text, '/opt')).toBeUndefined()
  })
})
