// The site of `make docs`: the pages that build/site/stage.ts has laid out, with the order of docs/README.md in the sidebar.

import { readFileSync } from 'node:fs'
import { defineConfig } from 'vitepress'
import { anchorOf } from '../../pages/pages.ts'

const pages = new URL('../../../dist/docs-pages/', import.meta.url)

export default defineConfig({
  title: 'podwire',
  description: 'A Kubernetes CNI distribution',
  srcDir: pages.pathname,
  outDir: new URL('../../../dist/docs', import.meta.url).pathname,
  cacheDir: new URL('../../../dist/docs-cache', import.meta.url).pathname,
  // The diagrams follow the system's setting, so the pages must as well.
  appearance: 'force-auto',
  cleanUrls: false,
  lastUpdated: false,
  markdown: { anchor: { slugify: anchorOf } },
  themeConfig: {
    search: { provider: 'local' },
    outline: [2, 3],
    nav: [
      { text: 'Quick start', link: '/docs/quick-start' },
      { text: 'Install', link: '/docs/install' },
      { text: 'Plugins', link: '/docs/plugins/podwire' },
      { text: 'All pages', link: '/docs/' },
    ],
    sidebar: sidebar(),
  },
})

/** docs/README.md: a group for each heading, an entry for the first link of each line of its tables and lists. */
function sidebar() {
  const groups: { text: string; collapsed: boolean; items: { text: string; link: string }[] }[] = []
  for (const line of readFileSync(new URL('docs/index.md', pages), 'utf8').split('\n')) {
    const heading = /^## (.+)/.exec(line)?.[1]
    const [, text, link] = /^\| *\[([^\]]+)\]\(([^)]+)\)/.exec(line) ?? []
    if (heading !== undefined) groups.push({ text: heading, collapsed: groups.length > 2, items: [] })
    else if (text !== undefined && link !== undefined) groups.at(-1)?.items.push({ text: text.replaceAll('`', ''), link })
  }
  return groups
}
