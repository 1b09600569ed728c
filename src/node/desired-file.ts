// The state of the last pass, kept on disk: for a start without the agent, and to distinguish drift from a change of the desired state.

import { CniError, ErrIOFailure } from '../cni/error.ts'
import { makeDirectories, readWhole, replaceText } from '../host/whole-file.ts'
import { type ParsedState, parseNodeState } from './read-state.ts'

const LIMIT = 64 << 20

export function desiredPath(stateDir: string): string {
  return `${stateDir}/desired.json`
}

/** The text of the last pass's state; undefined before the first. */
export function readDesiredText(stateDir: string): string | undefined {
  return readWhole(desiredPath(stateDir), LIMIT)
}

/** The last pass's state as values; throws a CniError where there is none, or not a good one. */
export function readDesired(stateDir: string): ParsedState {
  const text = readDesiredText(stateDir)
  if (text === undefined) throw new CniError(ErrIOFailure, `${desiredPath(stateDir)} is not there: nothing was applied on this node yet`)
  return parseNodeState(text)
}

export function writeDesired(stateDir: string, text: string): void {
  makeDirectories(stateDir)
  replaceText(desiredPath(stateDir), text, 0o600)
}
