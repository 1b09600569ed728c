// Tables of docs/conformance.md that a run fills in.

/** The page with other rows below the head of the table that follows the comment `<!-- NAME -->`; throws where there is none. */
export function withRows(page: string, name: string, change: (rows: string[]) => string[]): string {
  const lines = page.split('\n')
  const head = lines.indexOf(`<!-- ${name} -->`) + 1
  if (head === 0) throw new Error(`docs/conformance.md has no table for "${name}"`)
  const first = head + 2
  const end = lines.findIndex((line, index) => index >= first && !line.startsWith('|'))
  return [...lines.slice(0, first), ...change(lines.slice(first, end)), ...lines.slice(end)].join('\n')
}
