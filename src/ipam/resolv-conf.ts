// resolv.conf(5) as a result's `dns`.

import type { Dns } from '../cni/types.ts'

/** Repeated `search` and `options` lines add up, the last `domain` wins, comments and what is unknown are skipped. */
export function parseResolvConf(text: string): Dns {
  const nameservers: string[] = []
  const search: string[] = []
  const options: string[] = []
  let domain: string | undefined
  for (const line of text.split('\n')) {
    const [keyword = '', ...values] = words(line)
    const first = values[0]
    if (first === undefined || keyword.startsWith('#') || keyword.startsWith(';')) continue
    if (keyword === 'nameserver') nameservers.push(first)
    else if (keyword === 'domain') domain = first
    else if (keyword === 'search') search.push(...values)
    else if (keyword === 'options') options.push(...values)
  }
  return {
    ...(nameservers.length > 0 && { nameservers }),
    ...(domain !== undefined && { domain }),
    ...(search.length > 0 && { search }),
    ...(options.length > 0 && { options }),
  }
}

function words(line: string): string[] {
  return line
    .replaceAll('\t', ' ')
    .replaceAll('\r', ' ')
    .split(' ')
    .filter((word) => word !== '')
}
