// Whether a copied program runs here, and if not, why: tested before it is renamed to its final name, and again there.

import { CniError, ErrInternal } from '../cni/error.ts'
import { isObject, parseJson } from '../cni/json.ts'
import { cniVersions } from '../cni/types.ts'
import { EACCES, EINVAL, ENOENT, ENOEXEC } from '../host/errno.ts'
import { isSysError } from '../host/error.ts'
import { type Exit, sys } from '../host/sys.ts'
import { directoryOf, readWhole } from '../host/whole-file.ts'
import { mountOf } from './mounts.ts'

/** A run takes milliseconds; a node that is being started may be very busy. */
const TIMEOUT = 10_000

/**
 * Runs `file`, which is or will be `path`, as the plugin that `path` names, and checks that it answers VERSION as this program does.
 * Throws a CniError that explains what is wrong with `path`.
 */
export function tryProgram(file: string, path = file): void {
  const exit = start(file, path)
  if (exit.timedOut) throw fault(path, `does not answer within ${TIMEOUT / 1000} s`)
  if (exit.signal !== 0) throw fault(path, `is damaged or cut short: it ended by signal ${exit.signal}`)
  if (exit.status !== 0) throw fault(path, `cannot be run: it ended with status ${exit.status}`, exit.stdout || exit.stderr)
  if (supportedVersions(exit.stdout) !== cniVersions.join(' '))
    throw fault(path, 'is another program: it answers VERSION differently', exit.stdout)
}

function start(file: string, path: string): Exit {
  const name = path.slice(path.lastIndexOf('/') + 1)
  try {
    return sys.spawn({ file, args: [name], env: ['CNI_COMMAND=VERSION'], stdin: '', captureStderr: true, timeout: TIMEOUT })
  } catch (error) {
    if (!isSysError(error)) throw error
    throw fault(path, `cannot be run: ${reason(file, error.errno)}`)
  }
}

function reason(file: string, errno: number): string {
  if (errno === EACCES) return noexecReason(file) ?? 'permission denied: a directory above it, its mode or a security module forbids it'
  if (errno === ENOENT) return 'it is missing'
  if (errno !== ENOEXEC && errno !== EINVAL) return sys.strerror(errno)
  const [wanted, found] = [machineOf('/proc/self/exe'), machineOf(file)]
  if (found === undefined) return 'it is no program: damaged or cut short'
  return found === wanted
    ? 'it is damaged or cut short'
    : `it is for another processor architecture (ELF machine ${found}, this one is ${wanted})`
}

function noexecReason(file: string): string | undefined {
  const fd = sys.open(directoryOf(file), 0)
  try {
    // The path as the kernel knows it, links followed.
    const mount = mountOf(readWhole('/proc/self/mountinfo') ?? '', sys.readlink(`/proc/self/fd/${fd}`))
    return mount?.options.includes('noexec')
      ? `${mount.point} is mounted noexec: mount it with exec, or choose another --bin-dir`
      : undefined
  } finally {
    sys.close(fd)
  }
}

/** e_machine of the ELF header (elf(5)); undefined for what is no ELF file. */
function machineOf(file: string): number | undefined {
  const fd = sys.open(file, 0)
  try {
    const header = new Uint8Array(sys.read(fd, 20))
    const [magic, e, l, f] = header
    if (header.length < 20 || magic !== 0x7f || e !== 0x45 || l !== 0x4c || f !== 0x46) return undefined
    return (header[18] ?? 0) | ((header[19] ?? 0) << 8)
  } finally {
    sys.close(fd)
  }
}

/** '' for what is no answer to VERSION. */
function supportedVersions(stdout: string): string {
  try {
    const answer = parseJson(stdout, 'VERSION')
    const versions = isObject(answer) ? answer.supportedVersions : undefined
    return Array.isArray(versions) ? versions.join(' ') : ''
  } catch {
    return ''
  }
}

function fault(file: string, problem: string, details = ''): CniError {
  return new CniError(ErrInternal, `${file} ${problem}`, details.trim())
}
