// The program is compiled in segments, so that a run reads only what it needs: of all that start-up costs, reading compiled code is the most.

import { sys } from './sys.ts'

const loaded = new Map<string, unknown>()

/**
 * The exports of a segment (build/native.sh names them), read and run on first use.
 * `Exports` is `typeof import('…')` of the file that the segment is made of.
 */
export function loadSegment<Exports>(name: string): Exports {
  const known = loaded.get(name) ?? sys.load(name)
  loaded.set(name, known)
  // The build made the segment of the very file that the type names.
  return known as Exports
}
