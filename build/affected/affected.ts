// The tests that a change needs: every test that reaches a changed file in the graph.

import { contentOf, type Graph } from './graph.ts'

export interface AffectedTest {
  readonly file: string
  /** How many steps from the nearest changed file. */
  readonly distance: number
  /** Whether it calls the built plugins, which then have to be built first. */
  readonly plugins: boolean
}

/** What every test runs in. */
const everything = ['package.json', 'package-lock.json', 'vitest.config.ts', 'test/harness/host.ts', 'build/setup.sh']

export const isTest = (file: string): boolean => /^(src|test|native|e2e)\/.*\.test\.ts$/.test(file)

/** Nearest first. */
export function affectedTests(graph: Graph, changed: readonly string[]): AffectedTest[] {
  const all = changed.some((file) => everything.includes(file))
  const distances = distancesFrom(invert(graph), [...changed, ...changed.map(contentOf)])
  const programs = distancesFrom(
    invert(graph),
    [...graph.keys()].filter((file) => file.startsWith('dist/cni/')),
  )
  return [...graph.keys()]
    .filter((file) => isTest(file) && (all || distances.has(file)))
    .map((file) => ({ file, distance: distances.get(file) ?? 1, plugins: programs.has(file) }))
    .sort((a, b) => a.distance - b.distance || (a.file < b.file ? -1 : 1))
}

function invert(graph: Graph): Graph {
  const users = new Map<string, string[]>()
  for (const [file, needs] of graph) for (const need of needs) users.set(need, [...(users.get(need) ?? []), file])
  return users
}

/** Breadth first. */
function distancesFrom(users: Graph, files: readonly string[]): Map<string, number> {
  const distances = new Map(files.map((file) => [file, 0]))
  for (const [file, distance] of distances)
    for (const user of users.get(file) ?? []) if (!distances.has(user)) distances.set(user, distance + 1)
  return distances
}
