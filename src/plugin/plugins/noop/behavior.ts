// The files of `noop`: what it has to do, and how it was called. They have the form of the reference plugin's, which its users' tests write and read.

import { encodeBase64 } from '../../../cni/base64.ts'
import type { Environment } from '../../../cni/environment.ts'
import { CniError, ErrInvalidEnvironmentVariables, ErrIOFailure } from '../../../cni/error.ts'
import { isObject, type Json, parseJson } from '../../../cni/json.ts'
import { Reader } from '../../../cni/reader.ts'
import { LOCK_EX } from '../../../host/fcntl.ts'
import { sys } from '../../../host/sys.ts'
import { readWhole, replaceText } from '../../../host/whole-file.ts'

export interface Behavior {
  /** Printed as it stands; PASSTHROUGH and INJECT-DNS print prevResult. */
  readonly reportResult: string
  readonly reportError: string
  /** 0: the code of an unexpected error. */
  readonly reportErrorCode: number
  readonly reportStderr: string
  readonly reportVersionSupport: readonly string[] | undefined
  readonly exitWithCode: number
}

// sys/file.h, asm-generic/fcntl.h
const O_RDWR_CREAT = 0o102
const LOCK_TIMEOUT = 10_000

/** `DEBUG=FILE` in CNI_ARGS, undefined where it is missing. */
export function debugFileOf(args: string): string | undefined {
  if (args === '') return undefined
  const pairs = args.split(';').map((pair): [string, string] => {
    const [key = '', value, ...rest] = pair.split('=')
    if (value === undefined || rest.length > 0) {
      throw new CniError(ErrInvalidEnvironmentVariables, `CNI_ARGS invalid key/value pair: ${JSON.stringify(pair)}`)
    }
    return [key, value]
  })
  return new Map(pairs).get('DEBUG')
}

/** Reads what to do. CniError 5 where the file does not exist, 6 or 7 where it is empty. */
export function readBehavior(file: string): Behavior {
  return behaviorOf(readFile(file), file)
}

/** The same, and adds to the file how the plugin was called. */
export function recordCall(file: string, environment: Environment, stdin: string): Behavior {
  const json = readFile(file)
  const behavior = behaviorOf(json, file)
  replaceText(file, JSON.stringify({ ...(isObject(json) && json), ...describe(environment, stdin) }), 0o600)
  return behavior
}

/** Adds the call to the list in `file`. Plugins of several pods may do so at once. */
export function appendToLog(file: string, environment: Environment, stdin: string): void {
  const lock = sys.open(file, O_RDWR_CREAT, 0o644)
  try {
    sys.flock(lock, LOCK_EX, LOCK_TIMEOUT)
    const text = readWhole(file) ?? ''
    const calls = text === '' ? [] : parseJson(text, file)
    const added = JSON.stringify([...(Array.isArray(calls) ? calls : []), describe(environment, stdin)])
    // In place: a new file under the name would not have the lock.
    sys.ftruncate(lock, 0)
    sys.write(lock, added)
  } finally {
    sys.close(lock)
  }
}

/** The call as the reference plugin's library spells it. */
function describe({ command, containerId, netns, ifname, args, path }: Environment, stdin: string) {
  return {
    Command: command,
    CmdArgs: {
      ContainerID: containerId,
      Netns: netns,
      IfName: ifname,
      Args: args,
      Path: path,
      NetnsOverride: sys.getenv('CNI_NETNS_OVERRIDE') ?? '',
      StdinData: encodeBase64(stdin),
    },
  }
}

function readFile(file: string): Json {
  const text = readWhole(file)
  if (text === undefined) throw new CniError(ErrIOFailure, `open ${file}: no such file or directory`)
  return parseJson(text, file)
}

function behaviorOf(json: Json, file: string): Behavior {
  const reader = new Reader(isObject(json) ? json : {})
  const behavior = {
    reportResult: reader.string('ReportResult') ?? '',
    reportError: reader.string('ReportError') ?? '',
    reportErrorCode: reader.integer('ReportErrorCode', 0, Number.MAX_SAFE_INTEGER) ?? 0,
    reportStderr: reader.string('ReportStderr') ?? '',
    reportVersionSupport: reader.strings('ReportVersionSupport'),
    exitWithCode: reader.integer('ExitWithCode', 0, 255) ?? 0,
  }
  if (!isObject(json)) reader.issue('', 'expected an object')
  reader.report(`invalid ${file}`)
  return behavior
}
