// `podwire ipam replay`: sends IPAM services the releases that they did not answer. The agent runs it, and so may an operator.

import { formatError } from '../cni/error.ts'
import { releaseSpool } from '../contract/paths.ts'
import { loadSegment } from '../host/segment.ts'
import { print, printError, printJson } from './output.ts'
import { DONE, FAILED, outputFlag, pathsFrom, stateDirFlag, type Verb, wantsJson } from './verb.ts'

export const ipamReplayVerb: Verb = {
  name: 'ipam replay',
  about: 'send IPAM services the releases that they did not answer',
  flags: [stateDirFlag, outputFlag],
  run: (given) => {
    const directory = releaseSpool(pathsFrom(given))
    const done = loadRpcIpam().replay(directory, Number.POSITIVE_INFINITY)
    const { sent, waiting } = { sent: done?.sent ?? 0, waiting: loadRpcIpam().countReleases(directory) }
    const failures = done?.failures.map(formatError) ?? []
    if (wantsJson(given)) printJson({ sent, waiting, failures })
    else print(`${sent} sent, ${waiting} waiting${done ? '' : ': another process is sending them'}`)
    for (const failure of failures) printError(failure)
    return failures.length > 0 ? FAILED : DONE
  },
}

/** IPAM by a service, which no other command needs. */
const loadRpcIpam = () => loadSegment<typeof import('../ipam/rpc/index.ts')>('ipam-rpc')
