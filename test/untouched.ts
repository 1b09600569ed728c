// `node test/untouched.ts COMMAND…`: runs the command and fails where this machine's network is not as before, with what differs.

import { spawnSync } from 'node:child_process'
import { compareNetworks, readNetwork } from './harness/network.ts'

const [file = 'true', ...args] = process.argv.slice(2)
const before = readNetwork()
const { status } = spawnSync(file, args, { stdio: 'inherit' })
const differences = compareNetworks(before, readNetwork())
if (differences.length > 0) console.error(`the machine's network is not as it was before:\n${differences.join('\n')}`)
process.exitCode = differences.length > 0 ? 1 : (status ?? 1)
