// Whether a range has addresses left, with hysteresis: a level is entered at once and left only after a while, so that conditions and events do not flap. Pure.

import type { PoolUse } from './pool.ts'

/** `low`: at least 90 % are in use. `exhausted`: all are, or were a moment ago. */
export type PoolLevel = 'free' | 'low' | 'exhausted'

/** Times in milliseconds of one clock; undefined while it is not so. */
export interface PoolState extends PoolUse {
  readonly level: PoolLevel
  /** Since when there has been a free address. */
  readonly anySince: number | undefined
  /** Since when there have been enough for a better level. */
  readonly enoughSince: number | undefined
}

const LOW = 0.9
const NO_LONGER_LOW = 0.8
/** The share that is free again, for ENOUGH_TIME, before pods are let in: the scheduler may send many at once. Fewer may be all there will be: ANY_TIME. */
const ENOUGH = 0.05
const ENOUGH_TIME = 10_000
const ANY_TIME = 60_000

/** `before` is the state of the same range at the last call. */
export function nextPoolState(before: PoolState | undefined, use: PoolUse, now: number): PoolState {
  const free = use.size - use.used
  const anySince = free > 0 ? (before?.anySince ?? now) : undefined
  const worst = worstLevel(use)
  const level = before?.level ?? worst
  const enoughSince = isEnough(level, use) ? (before?.enoughSince ?? now) : undefined
  if (rank[worst] >= rank[level]) return { ...use, level: worst, anySince, enoughSince: undefined }
  const isOver = lasted(enoughSince, ENOUGH_TIME, now) || (level === 'exhausted' && lasted(anySince, ANY_TIME, now))
  if (!isOver) return { ...use, level, anySince, enoughSince }
  return { ...use, level: use.used < use.size * NO_LONGER_LOW ? 'free' : 'low', anySince, enoughSince: undefined }
}

/** `all 253 addresses of 10.1.0.0/24 are in use` */
export function describePool({ podCidr, size, used }: PoolUse): string {
  const percent = Math.floor((used / size) * 100)
  return used >= size
    ? `all ${size} addresses of ${podCidr} are in use`
    : `${used} of ${size} addresses of ${podCidr} are in use (${percent} %)`
}

const rank = { free: 0, low: 1, exhausted: 2 } as const

function worstLevel({ size, used }: PoolUse): PoolLevel {
  if (size > 0 && used >= size) return 'exhausted'
  return size > 0 && used >= size * LOW ? 'low' : 'free'
}

function isEnough(level: PoolLevel, { size, used }: PoolUse): boolean {
  return level === 'exhausted' ? size - used >= Math.max(1, Math.ceil(size * ENOUGH)) : used < size * NO_LONGER_LOW
}

function lasted(since: number | undefined, time: number, now: number): boolean {
  return since !== undefined && now - since >= time
}
