// CNI_ARGS: `KEY=VALUE;KEY=VALUE`.

import { CniError, ErrInvalidEnvironmentVariables } from './error.ts'

/** What the plugins here and the Kubernetes runtimes give a meaning to. */
const known = ['IgnoreUnknown', 'IP', 'GATEWAY', 'MAC', 'K8S_POD_NAMESPACE', 'K8S_POD_NAME', 'K8S_POD_INFRA_CONTAINER_ID', 'K8S_POD_UID']

/**
 * Reads the pairs; throws CniError 4. Keys are case-sensitive. One that is neither among `own`, the caller's, nor generally known is an error
 * unless IgnoreUnknown is 1 or true, as libcni's LoadArgs has it.
 */
export function parseArgs(text: string, own: readonly string[] = []): ReadonlyMap<string, string> {
  const args = new Map<string, string>()
  if (text === '') return args
  for (const pair of text.split(';')) {
    const [key, value, ...rest] = pair.split('=')
    if (!key || value === undefined || rest.length > 0) {
      throw new CniError(ErrInvalidEnvironmentVariables, `CNI_ARGS: invalid pair ${JSON.stringify(pair)}`)
    }
    args.set(key, value)
  }
  const ignored = ['1', 'true'].includes((args.get('IgnoreUnknown') ?? '').toLowerCase())
  const unknown = ignored ? [] : [...args].filter(([key]) => !known.includes(key) && !own.includes(key))
  if (unknown.length === 0) return args
  const pairs = unknown.map((pair) => JSON.stringify(pair.join('='))).join(' ')
  throw new CniError(ErrInvalidEnvironmentVariables, `CNI_ARGS: unknown args [${pairs}]`)
}
