// `node build/diagrams/main.ts`: writes docs/diagrams/*.light.svg and *.dark.svg from the *.dot files there; `make test` compares.

import { writeFileSync } from 'node:fs'
import { renderDiagrams } from './render.ts'

for (const { path, svg } of await renderDiagrams()) writeFileSync(path, svg)
