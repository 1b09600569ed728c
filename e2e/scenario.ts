// What a scenario file exports: on which clusters it runs, and its checks in their order.

import type { Cluster, ClusterOptions } from './driver.ts'
import { print } from './print.ts'

/** Values of the chart, as in a values file. */
export type Values = Readonly<Record<string, unknown>>

export interface Scenario {
  /** It runs once on each of these. */
  readonly clusters: readonly ClusterOptions[]
  /** The chart is installed with these values before the first check; `false` leaves the cluster without a network; the chart's defaults where absent. */
  readonly install?: Values | false
  /** True where it leaves the cluster unfit for others, or needs one that is unused. */
  readonly fresh?: boolean
  /** True where its figures mean something only if no other cluster runs on the machine at the same time. */
  readonly alone?: boolean
  /** Name ("thing does X when Y") → what throws where it is not so. They run in this order, and each whether or not the one before passed. */
  readonly checks: Readonly<Record<string, (cluster: Cluster, namespace: string) => Promise<void>>>
}

/** Thrown by a check that cannot be made here; the message says why. */
export class Skip extends Error {}

/** Prints a figure. */
export const note = (text: string) => print(`     ${text}`)

/** Calls `check` until it does not throw; at the limit throws what it threw last. */
export async function eventually<T>(seconds: number, check: () => Promise<T>): Promise<T> {
  const end = performance.now() + seconds * 1000
  for (;;) {
    try {
      return await check()
    } catch (error) {
      if (error instanceof Skip || performance.now() > end) throw error
    }
    await new Promise((done) => setTimeout(done, 200))
  }
}

/** Calls `work` for each item, at most `width` at a time, in order of the items. */
export async function forEach<T>(items: readonly T[], work: (item: T) => Promise<void>, width = 3): Promise<void> {
  const queue = items.values()
  await Promise.all(
    Array.from({ length: width }, async () => {
      for (const item of queue) await work(item)
    }),
  )
}
