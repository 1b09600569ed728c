// What `iptables-save -t TABLE` prints, read: the chains and the rules in order.

import { parseAddress } from '../../net/address.ts'
import { type Cidr, hostCidr, parseCidr, sameCidr } from '../../net/cidr.ts'

export interface SavedRule {
  readonly chain: string
  /** The line without its `-A`: what `-D` takes to delete the rule. */
  readonly text: string
  /** The words behind the chain's name, unquoted. */
  readonly words: readonly string[]
}

export interface SavedTable {
  readonly chains: readonly string[]
  readonly rules: readonly SavedRule[]
}

/** Reads the output; unknown lines (comments, counters) are skipped. */
export function parseSaved(output: string): SavedTable {
  const chains: string[] = []
  const rules: SavedRule[] = []
  for (const line of output.split('\n')) {
    if (line.startsWith(':')) chains.push(line.slice(1).split(' ', 1)[0] ?? '')
    if (!line.startsWith('-A ')) continue
    const [chain = '', ...words] = splitWords(line.slice(3))
    rules.push({ chain, text: line.slice(3), words })
  }
  return { chains, rules }
}

/** The word behind the option, '' where the rule does not have it. */
export function option({ words }: SavedRule, name: string): string {
  const at = words.indexOf(name)
  return at < 0 ? '' : (words[at + 1] ?? '')
}

/** True where a saved `-s` or `-d` is `cidr`; some versions omit the length of a host prefix. */
export function matchesCidr(saved: string, cidr: Cidr): boolean {
  try {
    return sameCidr(saved.includes('/') ? parseCidr(saved) : hostCidr(parseAddress(saved)), cidr)
  } catch {
    // Not a prefix, or one with a mask instead of a length: not podwire's rule.
    return false
  }
}

/** The words as iptables-restore takes them apart: `"` keeps spaces, and inside it `\` keeps the next character. */
function splitWords(text: string): string[] {
  const words: string[] = []
  let word: string | undefined
  let quoted = false
  for (let i = 0; i < text.length; i++) {
    const char = text.charAt(i)
    if (char === '"') {
      quoted = !quoted
      word ??= ''
    } else if (quoted && char === '\\') {
      word = (word ?? '') + text.charAt(++i)
    } else if (char === ' ' && !quoted) {
      if (word !== undefined) words.push(word)
      word = undefined
    } else {
      word = (word ?? '') + char
    }
  }
  if (word !== undefined) words.push(word)
  return words
}
