// The plugin `noop`: for tests. It records how it was called and prints what a file has, valid or not.

import { readCommonConfig, readPrevResult } from '../../../cni/config.ts'
import { type Environment, readEnvironment } from '../../../cni/environment.ts'
import { CniError, ErrInternal, encodeError, toCniError } from '../../../cni/error.ts'
import { type Io, processIo } from '../../../cni/io.ts'
import { answerVersion, type Program } from '../../../cni/plugin.ts'
import { encodeResult } from '../../../cni/result.ts'
import { type CniVersion, cniVersions, type Result } from '../../../cni/types.ts'
import { appendToLog, type Behavior, debugFileOf, readBehavior, recordCall } from './behavior.ts'

/** The steps are definePlugin's, whose answers are always valid: here they may be anything. */
export const program: Program = (io = processIo) => {
  let cniVersion: string = cniVersions.at(-1) ?? ''
  try {
    const { supports, environment, stdin } = readCall(io)
    if (environment.command === 'VERSION') return answerVersion({ supports }, io)
    const common = readCommonConfig(
      stdin,
      environment.command,
      cniVersions.filter((version) => supports.includes(version)),
    )
    cniVersion = common.cniVersion
    const log = common.reader.string('commandLog') ?? ''
    const file = debugFileOf(environment.args) ?? common.reader.string('debugFile') ?? ''
    const prevResult = readPrevResult(common)
    common.reader.report()
    if (file === '') {
      io.writeStdout('{}')
      io.writeStderr('CNI_ARGS or config empty, no debug behavior\n')
      return 0
    }
    const behavior = recordCall(file, environment, stdin)
    if (log) appendToLog(log, environment, stdin)
    return behave(behavior, prevResult, common.cniVersion, io)
  } catch (error) {
    io.writeStdout(encodeError(toCniError(error), cniVersion))
    return 1
  }
}

interface Call {
  readonly environment: Environment
  readonly stdin: string
  /** Of the file; it may be invalid. */
  readonly supports: readonly string[]
}

function readCall(io: Io): Call {
  const environment = readEnvironment(io.getenv)
  // VERSION does not wait for stdin.
  const stdin = environment.command === 'VERSION' ? '' : io.readStdin()
  const file = debugFileOf(environment.args)
  const supports = (file && readBehavior(file).reportVersionSupport) || cniVersions
  return { environment, stdin, supports }
}

/** Returns the exit status. */
function behave(behavior: Behavior, prevResult: Result | undefined, version: CniVersion, io: Io): number {
  const { reportStderr, reportError, reportErrorCode, reportResult, exitWithCode } = behavior
  if (reportStderr) io.writeStderr(reportStderr)
  if (reportError) throw new CniError(reportErrorCode || ErrInternal, reportError)
  if (reportResult === 'PASSTHROUGH' || reportResult === 'INJECT-DNS') {
    if (!prevResult) throw new CniError(ErrInternal, `prevResult: is missing, and ReportResult is ${reportResult}`)
    const changed = reportResult === 'INJECT-DNS' ? { ...prevResult, dns: { ...prevResult.dns, nameservers: ['1.2.3.4'] } } : prevResult
    io.writeStdout(encodeResult(changed, version))
  } else if (reportResult) io.writeStdout(reportResult)
  return exitWithCode
}
