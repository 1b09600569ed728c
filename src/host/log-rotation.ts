// Rotates the log file each UTC day, and at 10 MiB. Old files keep the name with their day, `podwire-2026-11-20.log`, for 60 days.

import { ENOENT } from './errno.ts'
import { isSysError } from './error.ts'
import { LOCK_EX, O_RDONLY } from './fcntl.ts'
import { formatDay } from './log-entry.ts'
import { type Stat, sys } from './sys.ts'

const maxBytes = 10 * 1024 * 1024
const keptDays = 60
// With the size of each, what a run-away log can take: 1 GiB.
const keptFiles = 100

const secondsPerDay = 86_400

export interface Rotated {
  /** The name, without its folder, that the old file has now. */
  readonly file: string
  readonly reason: 'new day' | 'over 10 MiB'
}

/** Renames the log at `path` where its day is over or its size reached; undefined where it stays. `now` is in seconds since the epoch. */
export function rotateLog(path: string, now: number): Rotated | undefined {
  if (!reasonAt(path, now)) return undefined
  const slash = path.lastIndexOf('/')
  const folder = slash < 0 ? '.' : path.slice(0, slash) || '/'
  // Concurrent writers take a lock on the directory. A writer that cannot get it appends to the old file, so that nothing is lost.
  const lock = sys.open(folder, O_RDONLY)
  try {
    sys.flock(lock, LOCK_EX, 100)
    // Checked again under the lock: another writer may have just begun this file.
    const found = reasonAt(path, now)
    if (!found) return undefined
    const names = nameParts(path.slice(slash + 1))
    const present = sys.getdents(folder)
    const file = freeName(names, formatDay(found.file.mtime), present)
    sys.rename(path, `${folder}/${file}`)
    for (const old of outlived(names, [...present, file], now)) sys.unlink(`${folder}/${old}`)
    return { file, reason: found.reason }
  } finally {
    sys.close(lock)
  }
}

function reasonAt(path: string, now: number): { file: Stat; reason: Rotated['reason'] } | undefined {
  let file: Stat
  try {
    file = sys.lstat(path)
  } catch (error) {
    if (isSysError(error, ENOENT)) return undefined
    throw error
  }
  // The last entry's day is the file's day: it would have been rotated before an entry of a later one.
  if (file.size > 0 && Math.floor(file.mtime / secondsPerDay) < Math.floor(now / secondsPerDay)) return { file, reason: 'new day' }
  return file.size >= maxBytes ? { file, reason: 'over 10 MiB' } : undefined
}

interface NameParts {
  readonly stem: string
  readonly extension: string
}

function nameParts(name: string): NameParts {
  const dot = name.lastIndexOf('.')
  return dot <= 0 ? { stem: name, extension: '' } : { stem: name.slice(0, dot), extension: name.slice(dot) }
}

/** `podwire-2026-11-20.log`; the day's next files are `podwire-2026-11-20.1.log` and so on. */
function freeName({ stem, extension }: NameParts, day: string, present: readonly string[]): string {
  let name = `${stem}-${day}${extension}`
  for (let number = 1; present.includes(name); number++) name = `${stem}-${day}.${number}${extension}`
  return name
}

/** The rotated files that are too old, or beyond the number to keep, oldest first. */
function outlived(names: NameParts, present: readonly string[], now: number): string[] {
  const oldest = formatDay(now - keptDays * secondsPerDay)
  const rotated = present.flatMap((name) => {
    const age = rotatedAge(name, names)
    return age ? [{ name, ...age }] : []
  })
  rotated.sort((a, b) => (a.day === b.day ? a.number - b.number : a.day < b.day ? -1 : 1))
  const surplus = rotated.length - keptFiles
  return rotated.filter(({ day }, index) => day < oldest || index < surplus).map(({ name }) => name)
}

/** Day and number of a name that `freeName` made; undefined for any other, which stays. */
function rotatedAge(name: string, { stem, extension }: NameParts): { day: string; number: number } | undefined {
  if (!name.startsWith(`${stem}-`) || !name.endsWith(extension)) return undefined
  const middle = name.slice(stem.length + 1, name.length - extension.length)
  const day = middle.slice(0, 10)
  const suffix = middle.slice(10)
  const number = suffix === '' ? 0 : Number(suffix.slice(1))
  const isDay = day.length === 10 && [...day].every((char, i) => (i === 4 || i === 7 ? char === '-' : char >= '0' && char <= '9'))
  const isNumber = suffix === '' || suffix === `.${number}`
  return isDay && isNumber && Number.isInteger(number) && number >= 0 ? { day, number } : undefined
}
