// How a log entry reads: `2026-11-21T09:30:00.123Z 4711 info lease taken ip=10.1.0.5`, always one line, whatever is put into it.

import { sys } from './sys.ts'

export type LogFields = Readonly<Record<string, string | number>>

// Longer texts are cut: one entry must not fill the file.
const maxLength = 8192

/** One line with its newline; `now` is in seconds since the epoch. */
export function formatEntry(now: number, level: string, message: string, fields: LogFields = {}): string {
  let text = escapeText(message)
  for (const [key, value] of Object.entries(fields)) text += ` ${escapeText(key)}=${formatValue(String(value))}`
  if (text.length > maxLength) text = `${text.slice(0, maxLength)}…`
  return `${formatTime(now)} ${sys.getpid()} ${level} ${text}\n`
}

/** The UTC day of a time in seconds since the epoch: `2026-11-21`. */
export function formatDay(seconds: number): string {
  let day = Math.floor(seconds / 86_400)
  let year = 1970
  for (; day >= daysOfYear(year); year++) day -= daysOfYear(year)
  let month = 1
  for (; day >= daysOfMonth(year, month); month++) day -= daysOfMonth(year, month)
  return `${pad(year, 4)}-${pad(month, 2)}-${pad(day + 1, 2)}`
}

function formatTime(seconds: number): string {
  const milliseconds = Math.floor(seconds * 1000) % 86_400_000
  const part = (unit: number, range: number, width: number) => pad(Math.floor(milliseconds / unit) % range, width)
  return `${formatDay(seconds)}T${part(3_600_000, 24, 2)}:${part(60_000, 60, 2)}:${part(1000, 60, 2)}.${part(1, 1000, 3)}Z`
}

function formatValue(value: string): string {
  if (value !== '' && !value.includes(' ') && !value.includes('"') && !value.includes('=') && !value.includes('\\'))
    return escapeText(value)
  return `"${escapeText(value.replaceAll('\\', '\\\\').replaceAll('"', '\\"'))}"`
}

/** Control characters, line separators and lone surrogates as `\n` or `\u001b`. */
function escapeText(text: string): string {
  let escaped = ''
  // By code point: a surrogate that shows up here has lost its other half.
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0
    const unsafe = code < 0x20 || (code >= 0x7f && code <= 0x9f) || code === 0x2028 || code === 0x2029 || (code >= 0xd800 && code <= 0xdfff)
    if (char === '\n') escaped += '\\n'
    else escaped += unsafe ? `\\u${code.toString(16).padStart(4, '0')}` : char
  }
  return escaped
}

function daysOfYear(year: number): number {
  return daysOfMonth(year, 2) + 337
}

function daysOfMonth(year: number, month: number): number {
  if (month === 2) return (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0 ? 29 : 28
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31
}

function pad(value: number, width: number): string {
  return String(value).padStart(width, '0')
}
