// The CNI_* variables: which a verb requires, and what each may hold.

import { CniError, ErrInvalidEnvironmentVariables, ErrInvalidNetworkConfig } from './error.ts'

export const commands = ['ADD', 'DEL', 'CHECK', 'GC', 'STATUS', 'VERSION'] as const
export type Command = (typeof commands)[number]

/** The variables of a call. What the verb does not use is '' where it was not given. */
export interface Environment {
  readonly command: Command
  readonly containerId: string
  readonly netns: string
  readonly ifname: string
  readonly args: string
  readonly path: string
}

const attaching: readonly Command[] = ['ADD', 'DEL', 'CHECK']

/** In the order in which missing ones are reported. */
const variables: readonly { name: string; required: readonly Command[]; check?: (value: string) => void }[] = [
  { name: 'CNI_COMMAND', required: commands },
  { name: 'CNI_CONTAINERID', required: attaching, check: checkContainerId },
  { name: 'CNI_NETNS', required: ['ADD', 'CHECK'] },
  { name: 'CNI_IFNAME', required: attaching, check: checkInterfaceName },
  { name: 'CNI_ARGS', required: [] },
  { name: 'CNI_PATH', required: [...attaching, 'GC', 'STATUS'] },
]

/** Reads and checks the variables. All missing ones are reported together; a variable that the verb does not require is not checked. */
export function readEnvironment(getenv: (name: string) => string | undefined): Environment {
  const value = (name: string) => getenv(name) ?? ''
  const given = value('CNI_COMMAND')
  const command = commands.find((known) => known === given)
  if (given && !command) throw new CniError(ErrInvalidEnvironmentVariables, `unknown CNI_COMMAND: ${given}`)
  const required = variables.filter((variable) => !command || variable.required.includes(command))
  const missing = required.filter(({ name }) => value(name) === '').map(({ name }) => name)
  if (!command || missing.length > 0) {
    throw new CniError(ErrInvalidEnvironmentVariables, `required env variables [${missing.join(',')}] missing`)
  }
  for (const { name, check } of required) check?.(value(name))
  return {
    command,
    containerId: value('CNI_CONTAINERID'),
    netns: value('CNI_NETNS'),
    ifname: value('CNI_IFNAME'),
    args: value('CNI_ARGS'),
    path: value('CNI_PATH'),
  }
}

/** Network names end up as folder names, container IDs in chain names and aliases: letters, digits, `_.-`, first a letter or digit. */
export function checkNetworkName(name: string): void {
  if (name === '') throw new CniError(ErrInvalidNetworkConfig, 'missing network name')
  if (!isIdentifier(name)) throw new CniError(ErrInvalidNetworkConfig, 'invalid characters found in network name', name)
}

function checkContainerId(id: string): void {
  if (!isIdentifier(id)) throw new CniError(ErrInvalidEnvironmentVariables, 'invalid characters in containerID', id)
}

/** What is wrong with a name as the kernel's name of an interface (net/core/dev.c: dev_valid_name); undefined where nothing is. */
export function interfaceNameProblem(name: string): string | undefined {
  if (name === '') return 'interface name is empty'
  if (utf8Length(name) > 15) return 'interface name is too long'
  if (name === '.' || name === '..') return 'interface name is . or ..'
  // Of eth%d the kernel makes eth0 or the next that is free (net/core/dev.c: dev_prep_valid_name): a name that no later call could find.
  if (name.includes('%')) return 'interface name contains a percent sign'
  // The kernel would take what stands before it for the name.
  if (name.includes('\0')) return 'interface name contains a NUL character'
  if (name.includes('/') || name.includes(':') || [...name].some(isSpace)) {
    return 'interface name contains / or : or whitespace characters'
  }
  return undefined
}

function checkInterfaceName(name: string): void {
  const problem = interfaceNameProblem(name)
  if (problem) throw new CniError(ErrInvalidEnvironmentVariables, problem, `CNI_IFNAME is ${JSON.stringify(name)}`)
}

function isIdentifier(text: string): boolean {
  const alphanumeric = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789'
  return [...text].every((char, i) => alphanumeric.includes(char) || (i > 0 && '_.-'.includes(char)))
}

/** Unicode White_Space, as Go's unicode.IsSpace has it. */
function isSpace(char: string): boolean {
  return char.trim() === '' || char === '\u0085'
}

function utf8Length(text: string): number {
  let length = 0
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    length += code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4
  }
  return length
}
