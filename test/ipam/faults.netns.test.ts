// IPAM by a service, stopped at one system call of the plugin after the other: after DEL the pool's only address is free for another pod.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { type CallSite, callSites, type Fault, faultsAt, injection } from '../crash/call-sites.ts'
import { noStrace, sample, summary } from '../crash/sample.ts'
import { startExample } from '../harness/ipam-service.ts'
import { describeHost, type Host, type Outcome, pluginPath, withHost } from '../harness/netns.ts'

/** One fault in this many: the plugin has few calls. */
const SAMPLE = 2

interface Attack {
  readonly host: Host
  readonly config: object
  readonly spoolDir: string
}

describeHost('IPAM by a service with a fault at any system call', () => {
  if (noStrace) return void it.skip(noStrace)

  it('leases no address after DEL, whichever call failed or was the last', { timeout: 3_600_000 }, async () => {
    await withHost(async (host) => {
      const service = await startExample(`unix://${join(host.dir, 'ipam.sock')}`, '10.9.0.0/30')
      const spoolDir = join(host.dir, 'releases')
      const config = {
        cniVersion: '1.1.0',
        name: 'net',
        type: 'bridge',
        ipam: { type: 'rpc', address: service.address, spoolDir, timeoutMs: 2000 },
      }
      const attack = { host, config, spoolDir }
      const wrong: string[] = []
      let sites = 0
      let faults = 0
      for (const verb of ['ADD', 'DEL'] as const) {
        if (verb === 'DEL') await call(attack, 'ADD', 'a')
        const calls = await traced(attack, verb)
        const chosen = sample(faultsAt(calls), SAMPLE)
        sites += calls.length
        faults += chosen.length
        for (const { site, fault } of chosen) {
          const found = await attackAt(attack, verb, site, fault)
          if (found) wrong.push(`${verb}, ${fault} at ${site.syscall} ${site.nth}: ${found}`)
        }
      }
      summary('podwire-ipam-rpc', sites, faults, wrong)
      expect(wrong).toEqual([])
      await service.kill()
    })
  })
})

async function traced(attack: Attack, verb: string): Promise<CallSite[]> {
  const file = join(attack.host.dir, 'trace')
  const { status, stdout } = await strace(attack, verb, ['-o', file])
  expect(status, stdout).toBe(0)
  await call(attack, 'DEL', 'a')
  return callSites(readFileSync(file, 'utf8'))
}

/** What is wrong after the fault; undefined where nothing is. */
async function attackAt(attack: Attack, verb: 'ADD' | 'DEL', site: CallSite, fault: Fault): Promise<string | undefined> {
  if (verb === 'DEL') await call(attack, 'ADD', 'a')
  const ending = await strace(attack, verb, injection(site, fault))
  const isTyped = ending.status === 0 || ending.status === -1 || ending.stdout.includes('"code"')
  // A failed ADD and a DEL that succeeded leave nothing; of what was killed the runtime's DEL comes.
  if (verb === 'ADD' || ending.status !== 0) {
    const removed = await call(attack, 'DEL', 'a')
    if (removed.status !== 0) return `DEL failed: ${removed.stdout}`
  }
  const other = await call(attack, 'ADD', 'b')
  if (other.status !== 0) return `the address is not free: ${other.stdout}`
  await call(attack, 'DEL', 'b')
  const stored = existsSync(attack.spoolDir) ? readdirSync(attack.spoolDir).filter((name) => name.endsWith('.json')) : []
  if (stored.length > 0) return `a release is stored still: ${stored.join(' ')}`
  return isTyped ? undefined : `no error of CNI: status ${ending.status} ${ending.stdout}`
}

const call = ({ host, config }: Attack, verb: string, id: string) => host.cni('podwire-ipam-rpc', verb, config, { netns: '/n', id })

function strace({ host, config }: Attack, verb: string, options: readonly string[]): Promise<Outcome> {
  const env = {
    PATH: process.env.PATH ?? '/usr/sbin:/usr/bin:/sbin:/bin',
    CNI_COMMAND: verb,
    CNI_PATH: pluginPath,
    CNI_NETNS: '/n',
    CNI_CONTAINERID: 'a',
    CNI_IFNAME: 'eth0',
  }
  return host.exec('strace', [...options, join(pluginPath, 'podwire-ipam-rpc')], { env, stdin: JSON.stringify(config) })
}
