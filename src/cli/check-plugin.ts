// The problems that the plugin `podwire` finds in its part of a conflist, by its own parser as in ADD.

import type { ConfigContext } from '../cni/plugin.ts'
import { Reader } from '../cni/reader.ts'
import type { CheckPlugin } from '../installer/conflist.ts'
import { podwirePlugin } from './podwire-plugin.ts'

/** Other plugins report their problems themselves, when a runtime calls them. */
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
