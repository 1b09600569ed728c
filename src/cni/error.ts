// The protocol's errors: one table of codes, and the one place where any failure becomes one of them.

import { EAGAIN, EBUSY, ETIMEDOUT } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'

// SPEC "Error" and libcni's types.ErrXxx; each with when it is used here.
/** The plugin does not support the config's version, or that version lacks the verb. */
export const ErrIncompatibleCNIVersion = 1
/** A key or value that is valid as such, but not supported; the message names both. */
export const ErrUnsupportedField = 2
/** The container does not exist; nothing needs to be cleaned up. */
export const ErrUnknownContainer = 3
/** CNI_* variables are missing or unusable; the message names them. */
export const ErrInvalidEnvironmentVariables = 4
/** Reading, writing or a request to the kernel failed. */
export const ErrIOFailure = 5
/** What was read is not JSON, or not of the expected shape. */
export const ErrDecodingFailure = 6
/** The network configuration does not make sense. */
export const ErrInvalidNetworkConfig = 7
/** CNI_NETNS is the namespace that the plugin itself runs in. */
export const ErrInvalidNetNS = 8
/** The same request may succeed later: a lock was held, the pool is exhausted. */
export const ErrTryAgainLater = 11
/** STATUS: the plugin cannot serve ADD. */
export const ErrPluginNotAvailable = 50
/** STATUS: the plugin cannot serve ADD, and existing containers have limited connectivity. */
export const ErrLimitedConnectivity = 51
/** Anything unexpected. */
export const ErrInternal = 999

/** An answer of a plugin that did not succeed. */
export class CniError extends Error {
  override readonly name = 'CniError'
  readonly code: number
  readonly details: string

  constructor(code: number, msg: string, details = '') {
    super(msg)
    this.code = code
    this.details = details
  }
}

/** Ends a CHECK or STATUS that found the problem; the code is by default that of CHECK. */
export function fail(problem: string, code = ErrInternal): never {
  throw new CniError(code, problem)
}

/** Any failure as an answer. A typed error stays as it is; a programmer's mistake keeps its stack. */
export function toCniError(error: unknown): CniError {
  if (error instanceof CniError) return error
  if (isSysError(error, EAGAIN, EBUSY, ETIMEDOUT)) return new CniError(ErrTryAgainLater, error.message)
  if (isSysError(error)) return new CniError(ErrIOFailure, error.message)
  if (error instanceof Error) return new CniError(ErrInternal, `${error.name}: ${error.message}`, error.stack ?? '')
  return new CniError(ErrInternal, String(error))
}

/** The error as a runtime reads it from stdout. Go leaves `cniVersion` out; the specification requires it. */
export function encodeError(error: CniError, cniVersion: string): string {
  const { code, message, details } = error
  return JSON.stringify({ cniVersion, code, msg: message, ...(details && { details }) }, undefined, 4)
}

/** Tries every step, then throws: the only failure as it is, several as one that has the first one's code and all messages. */
export function gatherErrors(what: string, steps: readonly (() => unknown)[]): void {
  const errors: CniError[] = []
  for (const step of steps) {
    try {
      step()
    } catch (error) {
      errors.push(toCniError(error))
    }
  }
  const [first] = errors
  if (!first) return
  if (errors.length === 1) throw first
  throw new CniError(first.code, `${what}: ${errors.length} steps failed, first: ${first.message}`, errors.map(formatError).join('\n'))
}

/** One line or more: the message, and the details where there are any. */
export function formatError({ message, details }: CniError): string {
  return details ? `${message} (${details})` : message
}
