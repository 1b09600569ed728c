// A plugin's own parser, with the eyes of ADD: what it says against its part of a conflist.

import type { ConfigContext } from '../cni/plugin.ts'
import { Reader } from '../cni/reader.ts'
import type { CheckPlugin } from '../installer/conflist.ts'
import { podwirePlugin } from './podwire-plugin.ts'

/** Plugins of others say for themselves what is wrong, when they are called. */
export const checkPlugin: CheckPlugin = (plugin, cniVersion) => {
  if (plugin.type !== 'podwire') return []
  const reader = new Reader(plugin)
  const context: ConfigContext = { command: 'ADD', cniVersion, name: String(plugin.name), args: () => new Map() }
  try {
    podwirePlugin().readPodwireConfig(reader, context)
  } catch (error) {
    // The plugin's segment has a CniError of its own.
    return [...reader.issues, error instanceof Error ? error.message : String(error)]
  }
  return reader.issues
}
