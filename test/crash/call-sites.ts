// The system calls that a program makes, and what can go wrong at each: strace(1) lists the calls, and injects the fault into one of them.

/** The nth call of one name, from 1 on: as strace's `when=` counts them. */
export interface CallSite {
  readonly syscall: string
  readonly nth: number
}

/** The process dies at the call, or the call fails with an error: `KILL`, or an errno's name. */
export type Fault = string

/** Ends with the process in any case, or belongs to the C library's start. */
const unfaulted = ['execve', 'exit_group', 'exit', 'arch_prctl', 'set_tid_address', 'vfork', 'rt_sigprocmask']

/** What these calls can fail with; every call can be the last one. */
const errors: Readonly<Record<string, readonly string[]>> = {
  open: ['EIO', 'EMFILE', 'EINTR'],
  openat: ['EIO', 'ENOSPC', 'EMFILE', 'EINTR'],
  read: ['EIO', 'EINTR'],
  write: ['EIO', 'ENOSPC', 'EINTR'],
  mkdir: ['EIO', 'ENOSPC'],
  symlink: ['EIO', 'ENOSPC'],
  link: ['EIO', 'ENOSPC'],
  rename: ['EIO', 'ENOSPC'],
  unlink: ['EIO'],
  rmdir: ['EIO'],
  readlink: ['EIO'],
  stat: ['EIO'],
  lstat: ['EIO'],
  utimensat: ['EIO'],
  getdents64: ['EIO'],
  fsync: ['EIO', 'ENOSPC'],
  flock: ['EINTR', 'ENOLCK'],
  socket: ['EMFILE', 'ENOBUFS'],
  setsockopt: ['ENOBUFS'],
  bind: ['ENOBUFS'],
  connect: ['ECONNREFUSED', 'EINTR'],
  sendto: ['ENOBUFS', 'EINTR'],
  recvfrom: ['ENOBUFS', 'EINTR'],
  setns: ['EINVAL'],
  mmap: ['ENOMEM'],
  pipe2: ['EMFILE'],
  wait4: ['EINTR'],
}

/** The call sites of a run that ended well, in their order, from what strace wrote. */
export function callSites(trace: string): CallSite[] {
  const counts = new Map<string, number>()
  const calls = trace.split('\n').flatMap((line) => /^(?:\d+ +)?(\w+)\(/.exec(line)?.[1] ?? [])
  return calls.flatMap((syscall) => {
    const nth = (counts.get(syscall) ?? 0) + 1
    counts.set(syscall, nth)
    return unfaulted.includes(syscall) ? [] : [{ syscall, nth }]
  })
}

/** Every fault of every call site. */
export function faultsAt(sites: readonly CallSite[]): { readonly site: CallSite; readonly fault: Fault }[] {
  return sites.flatMap((site) => ['KILL', ...(errors[site.syscall] ?? [])].map((fault) => ({ site, fault })))
}

/** strace's arguments that make `fault` happen at `site`. */
export function injection({ syscall, nth }: CallSite, fault: Fault): string[] {
  const what = fault === 'KILL' ? 'signal=KILL' : `error=${fault}`
  return ['-o', '/dev/null', '-e', `trace=${syscall}`, '-e', `inject=${syscall}:${what}:when=${nth}`]
}
