// iptables-restore takes all commands or none, and rejects them where another process changed the table since it was read.

import { CniError, ErrIOFailure } from '../../cni/error.ts'
import { COMMIT_TRIES } from '../../kernel/nftables/batch.ts'
import { restore, save, type Tables } from './iptables-command.ts'
import type { SavedTable } from './iptables-saved.ts'

/** Applies what `plan` makes of the table as it is, nothing where it is empty; with a new plan where iptables-restore rejects it. */
export function restorePlan(tables: Tables, plan: (saved: SavedTable) => readonly string[]): void {
  for (let attempt = 1; ; attempt++) {
    const commands = plan(save(tables))
    const failure = commands.length > 0 ? tryRestore(tables, commands) : undefined
    if (!failure) return
    if (attempt === COMMIT_TRIES) throw failure
  }
}

/** Applies the commands; returns the error where iptables-restore rejects them, throws any other. */
export function tryRestore(tables: Tables, commands: readonly string[]): CniError | undefined {
  try {
    restore(tables, commands)
    return undefined
  } catch (error) {
    if (error instanceof CniError && error.code === ErrIOFailure) return error
    throw error
  }
}
