// `podwire help`, from the same table that dispatches the commands.

import type { Flag } from './args.ts'
import { formatTable } from './output.ts'
import type { Verb } from './verb.ts'

export function helpOfAll(verbs: readonly Verb[], version: string): string {
  const rows = verbs.map(({ name, about }) => [`  ${name}`, about])
  return [
    `podwire ${version}: pods' networking on this node`,
    '',
    'usage: podwire VERB [FLAGS]',
    '',
    formatTable(['verbs:', ''], rows, '')
      .split('\n')
      .map((line, i) => (i === 0 ? 'verbs:' : line))
      .join('\n'),
    '',
    '`podwire VERB --help` lists its flags. Exit status: 0 success, 1 failure or problems found, 2 wrong usage.',
    'Without arguments it is a CNI plugin.',
  ].join('\n')
}

export function helpOf({ name, about, details, flags }: Verb): string {
  const rows = flags.map((flag) => [`  ${spelling(flag)}`, explanation(flag)])
  const table = rows.length === 0 ? [] : ['', 'flags:', ...formatTable(['', ''], rows, '').split('\n').slice(1)]
  return [`usage: podwire ${name}${rows.length > 0 ? ' [FLAGS]' : ''}`, '', about, ...(details ? ['', ...details] : []), ...table].join(
    '\n',
  )
}

function spelling({ name, short, value }: Flag): string {
  return `${short ? `-${short}, ` : ''}--${name}${value ? ` ${value}` : ''}`
}

function explanation({ about, choices, fallback }: Flag): string {
  const values = choices && about.indexOf(choices[0] ?? '') < 0 ? `: ${choices.join(', ')}` : ''
  return `${about}${values}${fallback ? ` (${fallback})` : ''}`
}
