// definePlugin: the door for plugin authors. It reads the request, calls the plugin's verb, prints the answer.
// (Contract first; the body follows.)

import type { Json } from './json.ts'
import type { Reader } from './reader.ts'
import type { Attachment, CniVersion, Result, ValidAttachment } from './types.ts'

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
  readonly command: 'ADD' | 'DEL' | 'CHECK' | 'GC' | 'STATUS'
  readonly cniVersion: CniVersion
  readonly name: string
  /** CNI_ARGS, parsed; reading it throws CniError 4 where it is malformed, so a plugin that ignores it never fails on it. */
  readonly args: () => ReadonlyMap<string, string>
}
