// Watches the host's calls, or makes the k-th fail, which is also how a process killed half way looks to the disk.

import { vi } from 'vitest'
import { SysError } from '../../src/host/error.ts'
import { sys } from '../../src/host/sys.ts'

// biome-ignore format: a list, not a column
const fileCalls = [
  'open', 'close', 'read', 'write', 'ftruncate', 'fstat', 'lstat', 'flock', 'mkdir', 'rmdir', 'rename', 'link', 'unlink', 'readlink', 'symlink', 'utimensat', 'access', 'getdents',
] as const
type FileCall = (typeof fileCalls)[number]

/** The names of the file calls that `body` made. */
export function callsOf(body: () => void): FileCall[] {
  const calls: FileCall[] = []
  intercept((call) => calls.push(call), body)
  return calls
}

/** Runs `body` and kills it before its k-th file call: that one and all later ones do nothing. False where it never got so far. */
export function killedAt(k: number, body: () => void): boolean {
  let made = 0
  let killed = false
  const onCall = (): void => {
    made++
    if (made < k) return
    killed = true
    throw new Error('killed')
  }
  try {
    intercept(onCall, body)
  } catch (error) {
    if (!killed) throw error
  }
  return killed
}

/** Runs `body` while the calls that `matches` picks fail. */
export function failing(errno: number, matches: (call: FileCall, path: string) => boolean, body: () => void): void {
  intercept((call, path) => {
    if (matches(call, path)) throw new SysError(`${call} ${path}`, errno)
  }, body)
}

function intercept(before: (call: FileCall, path: string) => void, body: () => void): void {
  const spies = fileCalls.map((call) => {
    const real = sys[call] as (...args: unknown[]) => unknown
    // The spy takes any arguments and hands them on: what each call expects is not its business.
    return vi.spyOn(sys as unknown as Record<string, (...args: unknown[]) => unknown>, call).mockImplementation((...args) => {
      before(call, String(call === 'link' || call === 'symlink' ? args[1] : args[0]))
      return real(...args)
    })
  })
  try {
    body()
  } finally {
    for (const spy of spies) spy.mockRestore()
  }
}
