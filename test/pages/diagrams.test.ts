import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { expect, it } from 'vitest'
import { folder, renderDiagrams } from '../../build/diagrams/render.ts'

it('docs/diagrams has what its sources render to: `make diagrams` rewrites it', async () => {
  const rendered = await renderDiagrams()
  for (const { path, svg } of rendered) expect(existsSync(path) ? readFileSync(path, 'utf8') : '', path).toBe(svg)
  const committed = readdirSync(folder).filter((file) => file.endsWith('.svg'))
  expect(committed.sort()).toEqual(rendered.map(({ path }) => basename(path)).sort())
})
