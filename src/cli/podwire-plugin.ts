// The plugin `podwire` as the commands see it: its parser, and the names of what it makes.

import { loadSegment } from '../host/segment.ts'

/** The name of the segment is that of build/plugins.sh. */
export const podwirePlugin = () => loadSegment<typeof import('../plugin/plugins/podwire/index.ts')>('podwire')
