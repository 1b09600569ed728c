// `node build/release/notes.ts vVERSION`: what CHANGELOG.md says about that version, for the page of the release. Ends with 1 where it says nothing, or where the tag is not package.json's version.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../image/script.ts'
import { version } from '../version.ts'

/** The text below the heading of a version. Throws where there is none. */
export function notesOf(changelog: string, version: string): string {
  const sections = changelog.split(/^## /m)
  const section = sections.find((text) => text.startsWith(`[${version}]`))
  const notes = section?.slice(section.indexOf('\n')).trim()
  if (!notes) throw new Error(`CHANGELOG.md says nothing about ${version}: rename its section [Unreleased] to [${version}]`)
  return notes
}

if (import.meta.main) {
  const [tag = ''] = process.argv.slice(2)
  if (tag !== `v${version()}`) throw new Error(`the tag ${tag} is not of version ${version()}, which package.json has`)
  console.log(notesOf(readFileSync(join(root, 'CHANGELOG.md'), 'utf8'), version()))
}
