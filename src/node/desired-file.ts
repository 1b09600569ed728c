// The state of the last pass, saved to disk: for a start without the agent, and to distinguish drift from a change of the desired state.

import { CniError, ErrIOFailure } from '../cni/error.ts'
import { desiredPath } from '../contract/paths.ts'
import { makeDirectories, readWhole, replaceText } from '../host/whole-file.ts'
import { type ParsedState, parseNodeState } from './read-state.ts'

const LIMIT = 64 << 20

/** The text of the last pass's state; undefined before the first. */
export function readDesiredText(stateDir: string): string | undefined {
  return readWhole(desiredPath({ stateDir }), LIMIT)
}

/** The same where it must be there: throws a CniError before the first pass. */
export function requireDesiredText(stateDir: string): string {
  const text = readDesiredText(stateDir)
  if (text === undefined) throw new CniError(ErrIOFailure, `${desiredPath({ stateDir })} is missing: no pass has run on this node yet`)
  return text
}

/** The last pass's state as values; throws a CniError where it is missing or invalid. */
export function readDesired(stateDir: string): ParsedState {
  return parseNodeState(requireDesiredText(stateDir))
}

export function writeDesired(stateDir: string, text: string): void {
  makeDirectories(stateDir)
  replaceText(desiredPath({ stateDir }), text, 0o600)
}
