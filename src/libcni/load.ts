// A network by its name, out of the directory where runtimes look for networks.

import { CniError, ErrInvalidNetworkConfig } from '../cni/error.ts'
import type { JsonObject } from '../cni/json.ts'
import { S_IFDIR, S_IFMT } from '../host/fcntl.ts'
import { sys } from '../host/sys.ts'
import { namesIn, readWhole } from '../host/whole-file.ts'
import { checkPlugin, listOfOne, type NetworkList, parseNetworkList, parseObject } from './network-list.ts'

/**
 * The first `*.conflist` by file name that has the network's name, else the first `*.conf` or `*.json`, which is one plugin alone. A file before it
 * that cannot be read is an error, as with libcni: a runtime fails on it as well.
 */
export function loadNetwork(directory: string, name: string): NetworkList {
  const lists = configurationFiles(directory, ['.conflist'])
  for (const path of lists) {
    const list = readNetworkList(path)
    if (list.name === name) return list
  }
  const singles = configurationFiles(directory, ['.conf', '.json'])
  for (const path of singles) {
    const plugin = readPlugin(path)
    if (plugin.name === name) return listOfOne(plugin)
  }
  const problem =
    lists.length + singles.length > 0 ? `no net configuration with name ${JSON.stringify(name)} in` : 'no net configurations found in'
  throw new CniError(ErrInvalidNetworkConfig, `${problem} ${directory}`)
}

/** The list in the file, with the plugins of the directory that has its name, next to it. */
function readNetworkList(path: string): NetworkList {
  const list = parseNetworkList(readWhole(path) ?? '', path)
  // What cannot be a directory's name is not a network's name either, and is rejected where it is used.
  const directory = `${path.slice(0, path.lastIndexOf('/'))}/${list.name}`
  const more = list.loadsMore && !list.name.includes('/') ? configurationFiles(directory, ['.conf']).map(readPlugin) : []
  const plugins = [...list.plugins, ...more]
  if (plugins.length === 0) throw new CniError(ErrInvalidNetworkConfig, `${path}: the list has no plugins, and ${directory} has none`)
  return { ...list, plugins }
}

function readPlugin(path: string): JsonObject {
  return checkPlugin(parseObject(readWhole(path) ?? '', path), path)
}

function configurationFiles(directory: string, extensions: readonly string[]): string[] {
  return namesIn(directory)
    .filter((name) => extensions.includes(name.slice(name.lastIndexOf('.'))) && name.includes('.'))
    .map((name) => `${directory}/${name}`)
    .filter((path) => (sys.lstat(path).mode & S_IFMT) !== S_IFDIR)
}
