// Which of the runtime's capability arguments a plugin gets.

import { isObject, type JsonObject } from '../cni/json.ts'
import { Reader } from '../cni/reader.ts'

/** `runtimeConfig`: the capability arguments that the plugin declares in `capabilities`. */
export function runtimeConfig(plugin: JsonObject, capabilityArgs: JsonObject): JsonObject {
  const capabilities = new Reader(plugin).value('capabilities')
  const taken = isObject(capabilities) ? Object.keys(capabilities).filter((key) => capabilities[key] === true) : []
  return Object.fromEntries(taken.flatMap((key) => (capabilityArgs[key] === undefined ? [] : [[key, capabilityArgs[key]]])))
}
