// Plugins as programs: found by their type in a path, run, their errors taken over. And delegation (SPEC section 4), which is that with our own call.

import { ENOENT, ENOTDIR, ETXTBSY } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { S_IFMT, S_IFREG } from '../host/fcntl.ts'
import { type Exit, sys } from '../host/sys.ts'
import type { Command } from './environment.ts'
import { CniError, ErrDecodingFailure, ErrInternal, ErrInvalidNetworkConfig } from './error.ts'
import { isObject, parseJson, quote } from './json.ts'
import { Reader } from './reader.ts'
import { decodeResult } from './result.ts'
import type { CniVersion, Result } from './types.ts'
import { withUndo } from './undo.ts'

/** A file that is being replaced cannot be run (ETXTBSY); an installer is done within seconds. */
const BUSY_TRIES = 6

/** The input of a delegate: the caller's own environment and stdin. */
export interface DelegateRequest {
  readonly cniVersion: CniVersion
  readonly path: readonly string[]
  readonly stdin: string
}

/** Runs the plugin `type` with this process's environment and stdin. ADD returns its result, other verbs an empty one. Its error is thrown as it is, code included. */
export function delegate(type: string, command: Command, request: DelegateRequest): Result {
  const stdout = callPlugin(type, { CNI_COMMAND: command }, request)
  if (command !== 'ADD') return decodeResult({}, request.cniVersion, '')
  return decodeResult(parseJson(stdout, `the result of plugin ${type}`), request.cniVersion, `the result of plugin ${type}`)
}

/** ADD by `delegate`. One that fails half way gets a DEL (SPEC section 4). */
export function delegateAdd(type: string, request: DelegateRequest): Result {
  return withUndo((undo) => {
    undo(`clean up after plugin ${type}`, () => delegate(type, 'DEL', request))
    return delegate(type, 'ADD', request)
  })
}

/** Runs the plugin `type` with this process's environment but for `variables`; returns its stdout. Its error is thrown as it is, its stderr is passed on. */
export function callPlugin(
  type: string,
  variables: { readonly CNI_COMMAND: Command; readonly [name: string]: string },
  { path, stdin }: Pick<DelegateRequest, 'path' | 'stdin'>,
): string {
  const exit = runPlugin(findPlugin(type, path), variables, stdin)
  if (exit.stderr) sys.write(2, exit.stderr)
  if (exit.status !== 0) throw pluginError(type, exit)
  if (variables.CNI_COMMAND === 'ADD' && exit.stdout.trim() === '') {
    throw new CniError(ErrDecodingFailure, `plugin ${type} succeeded but printed no result`)
  }
  return exit.stdout
}

/** The first regular file of that name. Whether it can be run is found out by running it. */
function findPlugin(type: string, path: readonly string[]): string {
  if (type.includes('/')) throw new CniError(ErrInvalidNetworkConfig, `invalid plugin name: ${quote(type)} contains a path separator`)
  const found = path.map((dir) => `${dir}/${type}`).find(isRegularFile)
  if (found) return found
  throw new CniError(ErrInvalidNetworkConfig, `failed to find plugin ${quote(type)} in path [${path.join(' ')}]`)
}

function isRegularFile(file: string): boolean {
  try {
    return (sys.stat(file).mode & S_IFMT) === S_IFREG
  } catch (error) {
    if (isSysError(error, ENOENT, ENOTDIR)) return false
    throw error
  }
}

function runPlugin(file: string, variables: Readonly<Record<string, string>>, stdin: string): Exit {
  const inherited = sys.environ().filter((entry) => !Object.hasOwn(variables, entry.split('=', 1)[0] ?? ''))
  const env = [...inherited, ...Object.entries(variables).map(([name, value]) => `${name}=${value}`)]
  for (let attempt = 1; ; attempt++) {
    try {
      return sys.spawn({ file, args: [file], env, stdin, captureStderr: true, timeout: 0 })
    } catch (error) {
      if (!isSysError(error, ETXTBSY) || attempt === BUSY_TRIES) throw error
      sys.nanosleep(1000)
    }
  }
}

function pluginError(type: string, { status, signal, stdout, stderr }: Exit): CniError {
  const ending = signal ? `was ended by signal ${signal}` : `ended with status ${status}`
  if (stdout.trim() === '') return new CniError(ErrInternal, `plugin ${type} ${ending} without an error message`, stderr.trim())
  try {
    const json = parseJson(stdout, `the error of plugin ${type}`)
    const reader = new Reader(isObject(json) ? json : {})
    const code = reader.integer('code', 1, Number.MAX_SAFE_INTEGER) ?? ErrInternal
    const msg = reader.string('msg') || `plugin ${type} ${ending} without a message`
    return new CniError(code, msg, reader.string('details') ?? '')
  } catch {
    return new CniError(ErrInternal, `plugin ${type} ${ending} with an error that is not JSON`, stdout.trim().slice(0, 1000))
  }
}
