// definePlugin: the door for plugin authors. It reads the request, calls the plugin's verb and prints the answer.

import { log } from '../host/log.ts'
import { parseArgs } from './args.ts'
import { type CommonConfig, readCommonConfig, readPrevResult, readValidAttachments } from './config.ts'
import { type Command, type Environment, readEnvironment } from './environment.ts'
import { CniError, ErrInvalidNetNS, ErrIOFailure, encodeError, formatError, toCniError } from './error.ts'
import { type Io, processIo } from './io.ts'
import type { Json } from './json.ts'
import type { Reader } from './reader.ts'
import { encodeResult } from './result.ts'
import type { Attachment, CniVersion, Result, ValidAttachment } from './types.ts'
import { withUndo } from './undo.ts'
import { versionIn } from './version.ts'

/** A request whose environment and configuration have been checked. */
export interface Request<Config> extends Attachment {
  readonly cniVersion: CniVersion
  /** CNI_NETNS; '' where the runtime gave none (DEL). */
  readonly netns: string
  /** CNI_ARGS as given. */
  readonly args: string
  /** CNI_PATH, split. */
  readonly path: readonly string[]
  readonly config: Config
  /** The configuration as it stood on stdin: what a delegate is given. */
  readonly stdin: string
  readonly raw: Json
  readonly prevResult?: Result | undefined
}

/** GC's request has no attachment of its own; `valid` is undefined where the runtime sent no list: then nothing may be removed. */
export interface GcRequest<Config> extends Omit<Request<Config>, 'containerId' | 'ifname' | 'netns'> {
  readonly valid?: readonly ValidAttachment[] | undefined
}

export type StatusRequest<Config> = Omit<GcRequest<Config>, 'valid'>

/** A plugin: what it is called, what it reads, one function a verb. A verb fails by throwing; without `check`, `gc` or `status` that verb succeeds. */
export interface Plugin<Config> {
  readonly name: string
  readonly version: string
  readonly supports: readonly CniVersion[]
  /** Reads the plugin's own keys. Problems go to the reader, which reports all of them at once. */
  readonly config: (reader: Reader, context: ConfigContext) => Config
  readonly add: (request: Request<Config>) => Result
  readonly del: (request: Request<Config>) => void
  readonly check?: (request: Request<Config>) => void
  readonly gc?: (request: GcRequest<Config>) => void
  readonly status?: (request: StatusRequest<Config>) => void
}

/** What reading a configuration may depend on besides the configuration. */
export interface ConfigContext {
  readonly command: Exclude<Command, 'VERSION'>
  readonly cniVersion: CniVersion
  readonly name: string
  /**
   * CNI_ARGS, parsed. Reading it throws CniError 4 where it is malformed or has a key that is neither generally known nor among `own`; so a plugin
   * that ignores it never fails on it, and DEL never does.
   */
  readonly args: (...own: readonly string[]) => ReadonlyMap<string, string>
}

/** Runs one call and returns the exit status: 0, or 1 with the error on stdout. */
export type Program = (io?: Io) => number

/** Makes a program of a plugin. The steps are in the order of libcni's skeleton, except that CNI_NETNS is checked before the verb and not after. */
export function definePlugin<Config>(plugin: Plugin<Config>): Program {
  return (io = processIo) => {
    if (!io.getenv('CNI_COMMAND')) return about(plugin, io)
    // What an error is tagged with until the configuration has named a version.
    let cniVersion: string = plugin.supports.at(-1) ?? '1.1.0'
    try {
      const environment = readEnvironment(io.getenv)
      if (environment.command === 'VERSION') return answerVersion(plugin, io)
      const stdin = readConfiguration(io)
      const common = readCommonConfig(stdin, environment.command, plugin.supports)
      cniVersion = common.cniVersion
      guardNetns(environment, io)
      run(plugin, environment, common, stdin, io)
      return 0
    } catch (error) {
      const answer = toCniError(error)
      log.error(`${plugin.name}: ${formatError(answer)}`, { code: answer.code, ...callFields(io) })
      io.writeStdout(encodeError(answer, cniVersion))
      return 1
    }
  }
}

function readConfiguration(io: Io): string {
  try {
    return io.readStdin()
  } catch (error) {
    throw new CniError(ErrIOFailure, `error reading from stdin: ${error instanceof Error ? error.message : String(error)}`)
  }
}

function run<Config>(plugin: Plugin<Config>, environment: Environment, common: CommonConfig, stdin: string, io: Io): void {
  const { command, containerId, netns, ifname, args } = environment
  const { cniVersion, name, raw, reader } = common
  // VERSION was answered before there was a configuration.
  if (command === 'VERSION') return
  log.debug(`${plugin.name} ${command}`, { network: name, id: containerId, ifname, netns })
  const config = plugin.config(reader, { command, cniVersion, name, args: (...own) => readArgs(args, own, command) })
  const prevResult = readPrevResult(common)
  const valid = command === 'GC' ? readValidAttachments(reader) : undefined
  if (command !== 'DEL') reader.report()
  // A wrong option must not make resources leak: DEL does what it can without the option.
  else if (reader.issues.length > 0) log.warn(`${plugin.name} DEL with an invalid configuration`, { problems: reader.issues.join('; ') })

  const path = environment.path.split(':').filter(Boolean)
  const base = { cniVersion, network: name, args, path, config, stdin, raw, prevResult }
  const request = { ...base, containerId, ifname, netns }
  if (command === 'ADD') add(plugin, request, io)
  else if (command === 'DEL') plugin.del(request)
  else if (command === 'CHECK') plugin.check?.(request)
  else if (command === 'GC') plugin.gc?.({ ...base, valid })
  else plugin.status?.(base)
  if (command === 'ADD' || command === 'DEL') log.info(`${plugin.name} ${command} done`, { network: name, id: containerId, ifname })
}

function add<Config>(plugin: Plugin<Config>, request: Request<Config>, io: Io): void {
  withUndo((undo) => {
    const result = plugin.add(request)
    // A result that its version cannot express, or that cannot be written, is an ADD that failed: nothing of it may stay.
    undo('remove the attachment', () => plugin.del(request))
    io.writeStdout(encodeResult(result, request.cniVersion))
  })
}

function readArgs(args: string, own: readonly string[], command: Command): ReadonlyMap<string, string> {
  try {
    return parseArgs(args, own)
  } catch (error) {
    if (command !== 'DEL') throw error
    return new Map()
  }
}

/** Which call it was, for the log, as far as the runtime has set its variables. */
function callFields({ getenv }: Io): Record<string, string> {
  return { command: getenv('CNI_COMMAND') ?? '', id: getenv('CNI_CONTAINERID') ?? '', ifname: getenv('CNI_IFNAME') ?? '' }
}

/** A pod's interface made on the node itself would cut the node off; the check comes before anything is done. */
function guardNetns({ command, netns }: Environment, io: Io): void {
  if ((command !== 'ADD' && command !== 'DEL') || netns === '') return
  const override = (io.getenv('CNI_NETNS_OVERRIDE') ?? '').toUpperCase()
  if (override === '1' || override === 'TRUE' || !io.isOwnNetns(netns)) return
  throw new CniError(ErrInvalidNetNS, "plugin's netns and netns from CNI_NETNS should not be the same", netns)
}

/** What a plugin prints about itself. */
type Identity = Pick<Plugin<unknown>, 'name' | 'version' | 'supports'>

/** The specification requires the version that came on stdin; without a valid one the answer has the newest supported version, and there is no error. */
export function answerVersion({ supports }: { readonly supports: readonly string[] }, io: Io): number {
  const cniVersion = versionIn(io.readReady) ?? supports.at(-1)
  io.writeStdout(`${JSON.stringify({ cniVersion, supportedVersions: supports })}\n`)
  return 0
}

/** Printed where the file is run by hand. */
function about({ name, version, supports }: Identity, io: Io): number {
  io.writeStderr(`CNI ${name} plugin ${version}\nCNI protocol versions supported: ${supports.join(', ')}\n`)
  return 0
}
