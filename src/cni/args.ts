// CNI_ARGS: `KEY=VALUE;KEY=VALUE`.

import { CniError, ErrInvalidEnvironmentVariables } from './error.ts'

/** What the plugins here and the Kubernetes runtimes give a meaning to. */
const known = ['IgnoreUnknown', 'IP', 'GATEWAY', 'MAC', 'K8S_POD_NAMESPACE', 'K8S_POD_NAME', 'K8S_POD_INFRA_CONTAINER_ID', 'K8S_POD_UID']

/** Keys are case-sensitive; an unknown one is an error unless IgnoreUnknown is 1 or true, as libcni's LoadArgs has it. */
export function parseArgs(text: string): ReadonlyMap<string, string> {
  const args = new Map<string, string>()
  if (text === '') return args
  for (const pair of text.split(';')) {
    const parts = pair.split('=')
    const [key, value] = parts
    if (parts.length !== 2 || !key || value === undefined) {
      throw new CniError(ErrInvalidEnvironmentVariables, `CNI_ARGS: invalid pair ${JSON.stringify(pair)}`)
    }
    args.set(key, value)
  }
  const unknown = [...args.keys()].filter((key) => !known.includes(key))
  const ignored = ['1', 'true'].includes((args.get('IgnoreUnknown') ?? '').toLowerCase())
  if (unknown.length > 0 && !ignored) {
    throw new CniError(ErrInvalidEnvironmentVariables, `CNI_ARGS: unknown args ${JSON.stringify(unknown)}`)
  }
  return args
}
