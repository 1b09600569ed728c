// `podwire uninstall`: removes all that an installation and the agent made.

import { uninstall } from '../installer/uninstall.ts'
import { removeNode } from '../node/remove.ts'
import { attachedPods, removePodLinks } from './attachments.ts'
import { print } from './output.ts'
import { dryRunFlag, finish, outputFlag, pathFlags, pathsFrom, type Verb } from './verb.ts'

export const uninstallVerb: Verb = {
  name: 'uninstall',
  about: 'remove what podwire made on this node, and nothing else',
  details: [
    'Stop the agent first: it would restore the conflist. Files that were changed since stay and are listed; configurations that were',
    'backed up are restored; sysctls stay, since other programs may rely on them. Fails while pods are attached.',
  ],
  flags: [...pathFlags, dryRunFlag, { name: 'force', about: 'also while pods are attached, whose links are deleted' }, outputFlag],
  run: (given) => {
    const paths = pathsFrom(given)
    const work = {
      pods: () => attachedPods(paths),
      removeNode: (dryRun: boolean) => removeNode({ dryRun }),
      removePodLinks,
    }
    const report = uninstall({ paths, dryRun: given.has('dry-run'), force: given.has('force'), work })
    return finish(given, report, () => {
      for (const { kind, object } of report.removed) print(`${verbOf(kind, report.dryRun)}: ${object}`)
      for (const { object, reason } of report.kept) print(`kept ${object}: ${reason}`)
      if (report.removed.length + report.kept.length === 0) print('nothing of podwire is here')
    })
  },
}

function verbOf(kind: string, dryRun: boolean): string {
  const restored = kind === 'restored'
  if (dryRun) return restored ? 'would restore' : `would remove ${kind}`
  return restored ? 'restored' : `removed ${kind}`
}
