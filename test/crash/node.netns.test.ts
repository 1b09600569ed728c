// The commands that change a node, stopped at one system call after the other: what there is is the old or the new, never half of it, and the next run
// makes it whole.

import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { conflistPath, type Paths } from '../../src/contract/paths.ts'
import { describeHost, type Host, type Outcome, withHost } from '../harness/netns.ts'
import { nodePaths, pathArgs, program } from '../harness/node-files.ts'
import { callSites, type Fault, faultsAt, injection } from './call-sites.ts'
import { difference, noStrace, sample, summary } from './sample.ts'

const desired = JSON.stringify({
  protocol: 1,
  node: { name: 'n1', addresses: ['192.168.7.1'], podCidrs: ['10.1.0.0/24'] },
  peers: [
    { name: 'n2', addresses: ['192.168.7.2'], podCidrs: ['10.1.1.0/24'] },
    { name: 'n3', addresses: ['10.9.9.9'], podCidrs: ['10.1.2.0/24'] },
  ],
  routing: { mode: 'auto', device: '', vni: 1, port: 8472 },
  mtu: 0,
  masquerade: { enabled: true, exempt: ['10.0.0.0/8'], randomFully: true },
  forwardAccept: true,
})
const ranges = '{"protocol":1,"podCidrs":["10.1.0.0/24"]}'

interface Step {
  readonly args: (paths: Paths) => string[]
  readonly stdin?: string
}

const stateDir = (paths: Paths) => ['--state-dir', paths.stateDir]
const install: Step = { args: (paths) => ['install', ...pathArgs(paths)] }
const apply: Step = { args: (paths) => ['node', 'apply', ...stateDir(paths)], stdin: desired }
const publish: Step = { args: (paths) => ['node', 'publish', ...stateDir(paths)], stdin: ranges }
const uninstall: Step = { args: (paths) => ['uninstall', ...stateDir(paths)] }

/** The steps that lead up to each, and the steps that take its work back. */
const steps: Readonly<Record<string, { readonly before: readonly Step[]; readonly step: Step; readonly after: readonly Step[] }>> = {
  install: { before: [], step: install, after: [uninstall] },
  'node apply': { before: [install], step: apply, after: [uninstall] },
  'node publish': { before: [install, apply], step: publish, after: [uninstall] },
  uninstall: { before: [install, apply, publish], step: uninstall, after: [] },
}

describeHost('a fault at any system call', () => {
  if (noStrace) return void it.skip(noStrace)

  it.each(Object.keys(steps))('%s: is made whole by the next run', { timeout: 3_600_000 }, async (name) => {
    await withHost(async (host) => {
      const { before, step, after } = steps[name] ?? { before: [], step: install, after: [] }
      const paths = nodePaths(host.dir)
      const script = 'ip link add up0 type veth peer name up1; ip addr add 192.168.7.1/24 dev up0; ip link set up0 up; ip link set up1 up'
      await host.run('sh', '-ec', script)
      const run = ({ args, stdin = '' }: Step, strace?: readonly string[]): Promise<Outcome> =>
        strace ? host.exec('strace', [...strace, program, ...args(paths)], { stdin }) : host.exec(program, args(paths), { stdin })
      const all = async (list: readonly Step[]) => {
        for (const one of list) expect(await run(one), one.args(paths).join(' ')).toMatchObject({ status: 0 })
      }

      // Once with all, for what is made once and stays.
      await all([install, apply, publish, uninstall])
      await all(before)
      const trace = join(host.dir, 'trace')
      expect(await run(step, ['-o', trace])).toMatchObject({ status: 0 })
      const whole = await stateOf(host)
      await all(after)
      const sites = callSites(readFileSync(trace, 'utf8'))
      const faults = sample(faultsAt(sites), name === 'install' ? 160 : 40)
      const wrong: string[] = []
      for (const { site, fault } of faults) {
        await all(before)
        const problems = [...endingProblems(await run(step, injection(site, fault)), fault), ...tornFiles(paths)]
        const again = await run(step)
        if (again.status !== 0) problems.push(`the next run failed: ${again.stderr || again.stdout}`)
        problems.push(...difference(whole, await stateOf(host)))
        await all(after)
        if (problems.length > 0) wrong.push(`${fault} at ${site.syscall} ${site.nth}: ${problems.join('; ')}`)
      }
      summary(name, sites.length, faults.length, wrong)
      expect(wrong).toEqual([])
    })
  })
})

/** Killed, or ended by itself: with status 0, or another and a reason on stderr or in the report. */
function endingProblems({ status, stdout, stderr }: Outcome, fault: Fault): string[] {
  if (status === -1) return fault === 'KILL' ? [] : ['was ended by a signal']
  if (status === 0 || stderr.trim() || stdout.trim()) return []
  return [`status ${status} without a reason`]
}

/** What a runtime reads has to be whole at any moment. */
function tornFiles(paths: Paths): string[] {
  const conflist = conflistPath(paths)
  if (!existsSync(conflist)) return []
  try {
    JSON.parse(readFileSync(conflist, 'utf8'))
    return []
  } catch {
    return [`${conflist} is torn`]
  }
}

/** Files, and the conflists with what is in them; routes, links, packet filter. settled.json comes with a second pass. */
const observe = `cd "$1" && find . -type f ! -name trace ! -name lock ! -name settled.json | sort | while read -r file; do echo "$file $(stat -c %a "$file")"; done
for file in $(find . -name '*.conflist' | sort); do cat "$file"; done
ip -o link | awk '{ print $2 }' | sed 's/@.*//'
for family in -4 -6; do ip $family route show table all; done | grep -Ev 'fe80|ff00|local|broadcast|anycast' | sed 's/ linkdown//'
ip rule; ip -6 rule
nft -s list ruleset`

async function stateOf(host: Host): Promise<string[]> {
  return (await host.run('sh', '-c', observe, 'sh', host.dir)).split('\n').filter((line) => line.trim())
}
