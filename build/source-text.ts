// A TypeScript source as the arrows check reads it: what it imports, and its code without comments, strings and regular expressions.

/** Specifiers of static imports, re-exports and import() calls, types included. */
export function imports(text: string, { plain }: Blanked): { offset: number; target: string }[] {
  return [...plain.matchAll(/(?:\bfrom|\bimport|\bimport\()\s*(['"])/g)].map((match) => {
    const start = match.index + match[0].length
    return { offset: start, target: text.slice(start, text.indexOf(match[1] ?? '', start)) }
  })
}

export interface Blanked {
  /** The source with comments, the inside of strings, and regular expressions turned into spaces: the offsets stay. */
  readonly plain: string
  readonly regexes: readonly number[]
}

export function blank(text: string): Blanked {
  const plain = [...Array(text.length).keys()].map((i) => text.charAt(i))
  const regexes: number[] = []
  const hide = (from: number, to: number) => {
    for (let i = from; i < to; i++) if (plain[i] !== '\n') plain[i] = ' '
  }
  // The end of the token that opened at `from`: the first unescaped `close`.
  const closing = (from: number, close: string) => {
    let i = from
    while (i < text.length && !text.startsWith(close, i)) i += text[i] === '\\' ? 2 : 1
    return Math.min(i, text.length)
  }
  // For each open template literal, how many braces of its ${ } are open.
  const templates: number[] = []
  const skipTemplate = (from: number): number => {
    let i = from
    while (i < text.length && text[i] !== '`' && !text.startsWith('${', i)) i += text[i] === '\\' ? 2 : 1
    hide(from, i)
    if (text[i] === '`') return i + 1
    templates.push(0)
    return i + 2
  }
  let previous = ''
  for (let i = 0; i < text.length; ) {
    const char = text.charAt(i)
    const depth = templates.at(-1)
    if (text.startsWith('//', i)) {
      const end = closing(i, '\n')
      hide(i, end)
      i = end
    } else if (text.startsWith('/*', i)) {
      const end = text.indexOf('*/', i) < 0 ? text.length : text.indexOf('*/', i) + 2
      hide(i, end)
      i = end
    } else if (char === "'" || char === '"') {
      const end = closing(i + 1, char)
      hide(i + 1, end)
      previous = char
      i = end + 1
    } else if (char === '`') {
      previous = char
      i = skipTemplate(i + 1)
    } else if (char === '}' && depth === 0) {
      templates.pop()
      i = skipTemplate(i + 1)
    } else if (char === '/' && beginsExpression(previous)) {
      regexes.push(i)
      i = regexEnd(text, i)
      previous = '/'
    } else {
      if (depth !== undefined && (char === '{' || char === '}')) templates[templates.length - 1] = depth + (char === '{' ? 1 : -1)
      if (char.trim() !== '')
        previous = wordChar(char) && wordChar(previous.at(-1) ?? '') && wordChar(text.charAt(i - 1)) ? previous + char : char
      i++
    }
  }
  for (const start of regexes) hide(start, regexEnd(text, start))
  return { plain: plain.join(''), regexes }
}

const wordChar = (char: string) => /^[\w$]$/.test(char)

/** After an operator or one of these words a slash begins a regular expression; after a value it divides. */
function beginsExpression(previous: string): boolean {
  return (
    previous === '' ||
    '(,=:[!&|?{};+-*%<>~^'.includes(previous) ||
    ['return', 'typeof', 'case', 'in', 'of', 'void', 'delete'].includes(previous)
  )
}

function regexEnd(text: string, start: number): number {
  let inClass = false
  let i = start + 1
  for (; i < text.length && text[i] !== '\n' && (inClass || text[i] !== '/'); i += text[i] === '\\' ? 2 : 1) {
    if (text[i] === '[') inClass = true
    if (text[i] === ']') inClass = false
  }
  return i + 1
}
