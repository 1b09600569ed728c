// What an uninstall removed, left in place and failed to remove, step by step.

import type { Problem } from '../contract/problem.ts'
import { attempt } from './problem.ts'

export interface UninstallReport {
  readonly dryRun: boolean
  readonly removed: readonly { readonly kind: string; readonly object: string }[]
  /** What was changed since, or has other files in it. */
  readonly kept: readonly { readonly object: string; readonly reason: string }[]
  readonly problems: readonly Problem[]
}

/** Has a lifetime: one uninstall. Each step that fails is a problem, and the others run. */
export class Report implements UninstallReport {
  readonly dryRun: boolean
  readonly removed: { kind: string; object: string }[] = []
  readonly kept: { object: string; reason: string }[] = []
  readonly problems: Problem[] = []

  constructor(dryRun: boolean) {
    this.dryRun = dryRun
  }

  note(kind: string, object: string): void {
    this.removed.push({ kind, object })
  }

  keep(object: string, reason: string): void {
    this.kept.push({ object, reason })
  }

  attempt(kind: string, object: string, act: () => void): void {
    attempt(this.problems, kind, object, act)
  }

  /** Runs `act` and records it as removed; with `dryRun` only records it. */
  step(kind: string, object: string, act: () => void): void {
    this.attempt(kind, object, () => {
      if (!this.dryRun) act()
      this.note(kind, object)
    })
  }
}
