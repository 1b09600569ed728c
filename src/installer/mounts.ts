// The mount of a directory and its options, from /proc/self/mountinfo (proc_pid_mountinfo(5)).

export interface Mount {
  readonly point: string
  /** `rw`, `noexec`…, those of the mount and those of its file system. */
  readonly options: readonly string[]
}

/** The mount that holds `path`, which is absolute and without links: the last of those with the longest point above it. */
export function mountOf(mountinfo: string, path: string): Mount | undefined {
  let best: Mount | undefined
  for (const line of mountinfo.split('\n')) {
    const mount = parseLine(line)
    if (mount && isAbove(mount.point, path) && mount.point.length >= (best?.point.length ?? 0)) best = mount
  }
  return best
}

/** `36 35 98:0 /root /point rw,noexec shared:1 - ext4 /dev/x rw,errors=…`: any number of optional fields before the dash. */
function parseLine(line: string): Mount | undefined {
  const fields = line.split(' ')
  const dash = fields.indexOf('-', 6)
  const [point, options] = [fields[4], fields[5]]
  if (dash < 0 || !point || !options) return undefined
  return { point: decodeOctal(point), options: [...options.split(','), ...(fields[dash + 3] ?? '').split(',')] }
}

/** Space, tab, newline and backslash are written as three octal digits. */
function decodeOctal(text: string): string {
  const [first = '', ...rest] = text.split('\\')
  return first + rest.map((part) => String.fromCharCode(Number.parseInt(part.slice(0, 3), 8)) + part.slice(3)).join('')
}

function isAbove(point: string, path: string): boolean {
  return point === '/' || path === point || path.startsWith(`${point}/`)
}
