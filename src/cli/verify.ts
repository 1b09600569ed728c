// `podwire verify`: checks everything that pods on this node rely on.

import { runChecks } from './checks.ts'
import { print, printJson } from './output.ts'
import { DONE, FAILED, outputFlag, pathFlags, pathsFrom, type Verb, wantsJson } from './verb.ts'

export const verifyVerb: Verb = {
  name: 'verify',
  about: 'check everything that pods on this node rely on',
  details: [
    'Installed files, conflist, routes and packet filter, what the node has of its running pods, forwarding, leases against links. Exit status 1 names what is wrong.',
  ],
  flags: [...pathFlags, outputFlag],
  run: (given) => {
    const checks = runChecks(pathsFrom(given))
    const bad = checks.filter(({ problems }) => problems.length > 0)
    if (wantsJson(given))
      printJson({ ok: bad.length === 0, checks: checks.map((check) => ({ ...check, ok: check.problems.length === 0 })) })
    else {
      for (const { name, problems } of checks) {
        if (problems.length === 0) print(`ok    ${name}`)
        for (const problem of problems) print(`FAIL  ${name}: ${problem}`)
      }
    }
    return bad.length > 0 ? FAILED : DONE
  },
}
