// Renders the sources in docs/diagrams (Graphviz' language) to SVG: the same bytes on every machine, since Graphviz is a WebAssembly module and measures text by tables of its own.

import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { instance } from '@viz-js/viz'
import { root } from '../image/script.ts'
import { palettes, style, type Theme } from './palette.ts'

export const folder = join(root, 'docs/diagrams')

export interface Rendered {
  readonly path: string
  readonly svg: string
}

/** Every diagram in both themes. Throws where a source is not valid, with its name. */
export async function renderDiagrams(): Promise<readonly Rendered[]> {
  const viz = await instance()
  const sources = readdirSync(folder).filter((file) => file.endsWith('.dot'))
  return sources.flatMap((file) =>
    (['light', 'dark'] as const).map((theme) => {
      const source = readFileSync(join(folder, file), 'utf8')
      const result = viz.render(withTheme(source, theme), { format: 'svg', engine: 'dot' })
      if (result.status !== 'success') throw new Error(`${file}: ${result.errors.map(({ message }) => message).join('; ')}`)
      return { path: join(folder, file.replace(/dot$/, `${theme}.svg`)), svg: finish(result.output, titleOf(source)) }
    }),
  )
}

function withTheme(source: string, theme: Theme): string {
  const palette: Readonly<Record<string, string>> = palettes[theme]
  return source.replace('$style', style).replace(/\$([a-z]+)/g, (_, name: string) => {
    const colour = palette[name]
    if (colour === undefined) throw new Error(`no colour $${name} in build/diagrams/palette.ts`)
    return colour
  })
}

/** A source begins with `// PAGE: title`. */
function titleOf(source: string): string {
  return /^\/\/ [^:]*: (.*)/.exec(source)?.[1] ?? ''
}

/** Without document type, Graphviz' version, ids and names; with a title, room for fonts that run wider than Graphviz' tables, and a bold first line in nodes of class `titled`. */
function finish(svg: string, title: string): string {
  return svg
    .slice(svg.indexOf('<svg'))
    .replace(/(width|height)="([\d.]+)pt"/g, '$1="$2"')
    .replace(/<title>.*?<\/title>\n/g, '')
    .replace('<g ', `<title>${title}</title>\n<g `)
    .replace(/ id="[^"]*"/g, '')
    .replace(/<!--.*?-->\n?/gs, '')
    .replace(/font-size="([\d.]+)"/g, (_, size: string) => `font-size="${(Number(size) * 0.92).toFixed(2)}"`)
    .replace(/<g class="node titled">.*?<text /gs, '$&font-weight="bold" ')
}
