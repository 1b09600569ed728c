// Rules in x_tables of a host whose own iptables uses nf_tables: removed by the legacy programs, where they exist.

import { log } from '../../host/log.ts'
import { legacyVariant, type Tables } from './iptables-command.ts'
import { hasLegacyTable } from './iptables-kernel.ts'
import { option, type SavedTable } from './iptables-saved.ts'
import { restorePlan } from './iptables-transaction.ts'

/** Removes the chains that `choose` names, and the jumps to them. */
export function removeLegacyChains(tables: Tables, choose: (table: SavedTable) => readonly string[]): void {
  removeLegacy(tables, (saved) => chainRemoval(saved, choose(saved)))
}

/** Runs the commands that `removal` makes of the table; nothing, and no process, where x_tables does not have the table. */
export function removeLegacy(tables: Tables, removal: (table: SavedTable) => readonly string[]): void {
  const { version, table, purpose } = tables
  if (!hasLegacyTable(tables)) return
  const variant = legacyVariant(version)
  if (variant !== undefined) restorePlan({ ...tables, variant }, removal)
  else
    log.warn(`cannot search for rules of ${purpose.name}: the kernel has a legacy ${table} table, but the host has no iptables`, {
      version,
    })
}

/** The commands that take those of the chains away that are there, and the jumps to them. */
export function chainRemoval(table: SavedTable, names: readonly string[]): string[] {
  const chains = names.filter((name) => table.chains.includes(name))
  const jumps = chains.length > 0 ? table.rules.filter((rule) => chains.includes(option(rule, '-j'))) : []
  return [...jumps.map(({ text }) => `-D ${text}`), ...chains.map((chain) => `-F ${chain}`), ...chains.map((chain) => `-X ${chain}`)]
}
