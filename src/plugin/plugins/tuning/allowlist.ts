// Which kernel parameters the node's administrator allows: one pattern a line, in a file at a fixed path.

import { CniError, ErrInvalidNetworkConfig, ErrIOFailure } from '../../../cni/error.ts'
import { readWhole } from '../../../host/whole-file.ts'
import type { Sysctl } from '../../pod/sysctl-config.ts'
import { matches, type Pattern, parsePattern } from './pattern.ts'

const FILE = '/etc/cni/tuning/allowlist.conf'

/** Throws CniError 7 for a parameter that matches no line, in the spelling of the configuration or with dots; without the file everything is allowed. */
export function checkAllowed(sysctls: readonly Sysctl[], file = FILE): void {
  if (sysctls.length === 0) return
  const lines = readLines(file)
  if (!lines) return
  const patterns = lines.map((line) => parseLine(line, file))
  for (const { key } of sysctls) {
    const spellings = [key.replaceAll('/', '.'), key]
    if (patterns.some((pattern) => spellings.some((spelling) => matches(pattern, spelling)))) continue
    const allowed = lines.map((line) => JSON.stringify(line)).join(', ')
    throw new CniError(
      ErrInvalidNetworkConfig,
      `Sysctl ${key.replaceAll('/', '.')} is not allowed. Only the following sysctls are allowed: [${lines.join(' ')}]`,
      `${file} has the patterns ${allowed || 'of no sysctl'}`,
    )
  }
}

function readLines(file: string): string[] | undefined {
  return readWhole(file)
    ?.split('\n')
    .map((line) => line.trim())
    .filter(Boolean)
}

/** A line that cannot be understood might be meant to allow less than the rest: nothing is set then. */
function parseLine(line: string, file: string): Pattern {
  try {
    return parsePattern(line)
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new CniError(ErrIOFailure, `${file}: cannot read the pattern ${JSON.stringify(line)}: ${error.message}`)
  }
}
