// `make ipam-kit ADDRESS=unix:///run/ipam.sock`: the cases of docs/ipam.md against any server. Ends with `N passed, N failed`, status 1 when one failed.
// Its network's leases are the kit's for the run: gc releases every other.

import { randomBytes } from 'node:crypto'
import { cases } from './cases.ts'
import { type Attachment, Client } from './client.ts'

const [address = '', network = 'kit'] = process.argv.slice(2)
if (!/^(unix:\/\/\/|http:\/\/)./.test(address)) {
  console.error('ipam-kit: ADDRESS: expected unix:///PATH or http://IP:PORT; NETWORK is the network that the server serves (kit)')
  process.exit(2)
}

const client = new Client(address)
const run = randomBytes(4).toString('hex')
let counts = { passed: 0, failed: 0, skipped: 0 }

for (const { name, run: body } of cases) {
  const used: Attachment[] = []
  const attachment = () => {
    const next = { network, containerID: `kit-${run}-${counts.passed + counts.failed + counts.skipped}-${used.length}`, ifname: 'eth0' }
    used.push(next)
    return next
  }
  try {
    const skipped = await body({ client, attachment })
    console.log(skipped ? `skip  ${name}: ${skipped}` : `ok    ${name}`)
    counts = skipped ? { ...counts, skipped: counts.skipped + 1 } : { ...counts, passed: counts.passed + 1 }
  } catch (error) {
    console.log(`FAIL  ${name}: ${error instanceof Error ? error.message : String(error)}`)
    counts = { ...counts, failed: counts.failed + 1 }
  }
  // What a case leaves must not make the next one fail.
  await Promise.all(used.map((each) => client.post('release', each).catch(() => {})))
}

console.log(`${counts.passed} passed, ${counts.failed} failed${counts.skipped > 0 ? `, ${counts.skipped} skipped` : ''}`)
process.exitCode = counts.failed > 0 ? 1 : 0
