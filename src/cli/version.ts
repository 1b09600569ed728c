// `podwire version`: what the agent reads before it uses this program.

import { PROTOCOL } from '../node/state.ts'
import { version } from '../plugin/version.ts'
import { print, printJson } from './output.ts'
import { DONE, outputFlag, type Verb, wantsJson } from './verb.ts'

export const versionVerb = (names: readonly string[]): Verb => ({
  name: 'version',
  about: 'the version, and that of the protocol with the agent',
  flags: [outputFlag],
  run: (given) => {
    if (wantsJson(given)) printJson({ version, protocol: PROTOCOL, plugins: names })
    else print(`podwire ${version} (protocol ${PROTOCOL}; plugins ${names.join(', ')})`)
    return DONE
  },
})
