// Keys that stand twice in `sysctl`: JSON.parse silently keeps the last, and which of the two values was meant is unknown.

import { CniError, ErrInvalidNetworkConfig } from '../../../cni/error.ts'

/** Throws CniError 7. `text` is JSON that has been parsed already. */
export function rejectDuplicateSysctls(text: string): void {
  const seen = new Set<string>()
  // The keys of the objects that are open, '' for a list.
  const path: string[] = []
  let key = ''
  for (let at = 0; at < text.length; at++) {
    const char = text.charAt(at)
    if (char === '"') {
      const end = endOfString(text, at)
      if (isKey(text, end)) {
        // Its own part of JSON, so that escapes are read as JSON has them.
        key = String(JSON.parse(text.slice(at, end)))
        if (path.length === 2 && path[1]?.toLowerCase() === 'sysctl') {
          if (seen.has(key)) throw new CniError(ErrInvalidNetworkConfig, `sysctl.${key}: duplicated sysctl keys are not allowed`)
          seen.add(key)
        }
      }
      at = end - 1
    } else if (char === '{') path.push(key)
    else if (char === '[') path.push('')
    else if (char === '}' || char === ']') path.pop()
  }
}

/** Behind the closing quote. */
function endOfString(text: string, start: number): number {
  let at = start + 1
  while (text.charAt(at) !== '"') at += text.charAt(at) === '\\' ? 2 : 1
  return at + 1
}

function isKey(text: string, end: number): boolean {
  let at = end
  while (' \t\n\r'.includes(text.charAt(at)) && at < text.length) at++
  return text.charAt(at) === ':'
}
