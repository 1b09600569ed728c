// `podwire install` and `podwire node publish`.

import { processIo } from '../cni/io.ts'
import { conflistPath } from '../contract/paths.ts'
import { install } from '../installer/install.ts'
import { parseMode, publish } from '../installer/publish.ts'
import { version } from '../plugin/version.ts'
import type { Given } from './args.ts'
import { checkPlugin } from './check-plugin.ts'
import { print, printJson } from './output.ts'
import { DONE, finish, outputFlag, pathFlags, pathsFrom, UsageError, type Verb, wantsJson } from './verb.ts'

export const installVerb = (names: readonly string[]): Verb => ({
  name: 'install',
  about: 'install the plugins on this node and stage the conflist',
  details: [
    'Every file is written next to its final name, tested, and renamed; files that are up to date stay. May be run again',
    'at any time, while pods start, and after an interruption. The conflist is not published: the agent does that when it is ready.',
  ],
  flags: [
    ...pathFlags,
    { name: 'skip', value: 'NAME,…', about: 'plugins not to install' },
    { name: 'conflist', value: 'FILE', about: 'the conflist to stage, without ranges', fallback: 'the plugin podwire alone' },
    { name: 'datapath', value: 'NAME', about: "podwire's datapath in it", choices: ['ptp', 'bridge'] },
    { name: 'mtu', value: 'BYTES', about: "pods' MTU in it, 0 to determine it at ADD" },
    { name: 'conf-mode', value: 'MODE', about: 'permissions of the published conflist', fallback: '0600' },
    outputFlag,
  ],
  run: (given) => runInstall(given, names),
})

export const publishVerb: Verb = {
  name: 'node publish',
  about: "publish the conflist with this node's ranges to the runtime's directory",
  details: [
    'Reads {"protocol": 1, "podCidrs": ["10.1.0.0/24"], "mtu": 0, "exclusive": "leave|warn|backup", "mode": "0600"} from stdin and',
    'writes a report as JSON. Nothing is written where the file is up to date; an invalid conflist is never written.',
  ],
  flags: pathFlags,
  run: (given) => {
    const report = publish(pathsFrom(given), processIo.readStdin(), checkPlugin)
    return finish(new Map([...given, ['output', 'json']]), report, () => {}, !report.published)
  },
}

function runInstall(given: Given, names: readonly string[]): number {
  const report = install({
    paths: pathsFrom(given, false),
    version,
    names,
    skip: readSkip(given.get('skip') ?? '', names),
    conflistFile: given.get('conflist'),
    datapath: given.get('datapath'),
    mtu: readMtu(given.get('mtu')),
    confMode: readConfMode(given.get('conf-mode') ?? '0600'),
    check: checkPlugin,
  })
  if (wantsJson(given)) {
    printJson(report)
    return DONE
  }
  for (const { name, action } of report.files) print(`${report.paths.binDir}/${name}: ${action}`)
  print(`${report.template.path}: ${report.template.changed ? 'written' : 'unchanged'}`)
  print(`podwire ${report.version} is installed; the agent publishes ${conflistPath(report.paths)} once the node has its podCIDRs`)
  return DONE
}

function readSkip(text: string, names: readonly string[]): string[] {
  const skip = text.split(',').filter(Boolean)
  const others = names.filter((name) => name !== 'podwire')
  const wrong = skip.filter((name) => !others.includes(name))
  if (wrong.length > 0) throw new UsageError(`--skip: expected names among ${others.join(', ')}, got ${wrong.join(', ')}`)
  return skip
}

function readMtu(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const mtu = Number(text)
  if (!Number.isInteger(mtu) || mtu < 0 || mtu > 65535)
    throw new UsageError(`--mtu: expected a number from 0 to 65535, got ${JSON.stringify(text)}`)
  return mtu
}

function readConfMode(text: string): string {
  if (parseMode(text) === undefined) throw new UsageError(`--conf-mode: expected octal digits such as 0600, got ${JSON.stringify(text)}`)
  return text
}
