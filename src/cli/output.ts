// What the commands print: tables for people, JSON for programs.

import { sys } from '../host/sys.ts'

const STDOUT = 1
const STDERR = 2

export function print(text: string): void {
  sys.write(STDOUT, `${text}\n`)
}

/** One line on stderr, whatever is in the text. */
export function printError(text: string): void {
  sys.write(STDERR, `podwire: ${text.trim().split('\n').join('; ')}\n`)
}

export function printJson(value: unknown): void {
  print(JSON.stringify(value, undefined, 2))
}

/** Columns as wide as their widest cell, two spaces between them; an empty cell is `-`. Without rows only `none`. */
export function formatTable(header: readonly string[], rows: readonly (readonly (string | number)[])[], none: string): string {
  if (rows.length === 0) return none
  const lines = [header, ...rows].map((row) => row.map((cell) => (cell === '' ? '-' : oneLine(String(cell)))))
  const widths = header.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0)))
  return lines
    .map((line) =>
      line
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}

/** `3d4h`, `5h12m`, `7m3s`, `12s`; '' for what is not known. */
export function formatAge(seconds: number | undefined): string {
  if (seconds === undefined || !Number.isFinite(seconds)) return ''
  const whole = Math.max(0, Math.floor(seconds))
  const [days, hours, minutes] = [Math.floor(whole / 86_400), Math.floor(whole / 3600) % 24, Math.floor(whole / 60) % 60]
  if (days > 0) return `${days}d${hours}h`
  if (hours > 0) return `${hours}h${minutes}m`
  return minutes > 0 ? `${minutes}m${whole % 60}s` : `${whole}s`
}

/** Names come from files that others may have written: nothing in them may move the cursor. */
function oneLine(text: string): string {
  return [...text].map((char) => (char < ' ' || char === '\x7f' ? '?' : char)).join('')
}
