// The colours and the common look of the diagrams in docs/diagrams, for pages with a light and a dark background.

export type Theme = 'light' | 'dark'

/** What a source writes as `$name`. */
type Palette = Readonly<Record<'text' | 'dim' | 'line' | 'accent' | 'group' | 'groupline' | 'box' | 'pod' | 'kernel' | 'disk', string>>

export const palettes: Readonly<Record<Theme, Palette>> = {
  light: {
    text: '#1f2328',
    dim: '#59636e',
    line: '#818b98',
    accent: '#0969da',
    group: '#f6f8fa',
    groupline: '#d1d9e0',
    box: '#ffffff',
    pod: '#ddf4ff',
    kernel: '#fff8c5',
    disk: '#dafbe1',
  },
  dark: {
    text: '#e6edf3',
    dim: '#9198a1',
    line: '#8b949e',
    accent: '#58a6ff',
    group: '#161b22',
    groupline: '#3d444d',
    box: '#21262d',
    pod: '#0c2d6b',
    kernel: '#3b2300',
    disk: '#04260f',
  },
}

/** Stands where a source has `$style`: graph, node and edge defaults. */
export const style = `
  graph [bgcolor="transparent", fontname="Helvetica,Arial,sans-serif", fontsize=13, fontcolor="$dim", pad=0.15, nodesep=0.35, ranksep=0.5, style="rounded,filled", fillcolor="$group", color="$groupline", labeljust=l]
  node [shape=box, style="rounded,filled", fillcolor="$box", color="$line", fontname="Helvetica,Arial,sans-serif", fontsize=13, fontcolor="$text", margin="0.16,0.09", height=0.4]
  edge [color="$line", fontname="Helvetica,Arial,sans-serif", fontsize=12, fontcolor="$dim", arrowsize=0.7]
`
