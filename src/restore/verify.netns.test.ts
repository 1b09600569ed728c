// `podwire verify` names what the node has lost of its running pods, and pods with addresses of another range.

import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { conflistPath } from '../../src/contract/paths.ts'
import { runTool } from '../../test/harness/cnitool.ts'
import { describeHost, withHost } from '../../test/harness/netns.ts'
import { nodePaths, pathArgs, program } from '../../test/harness/node-files.ts'

interface Check {
  readonly name: string
  readonly problems: readonly string[]
}

describeHost('verify', () => {
  it('names a lost route, and an address outside the node’s ranges when they have changed', async () => {
    await withHost(async (host) => {
      const paths = nodePaths(host.dir)
      const run = async (verb: string, args: readonly string[], stdin = '') => {
        const { status, stdout, stderr } = await host.exec(program, [...verb.split(' '), ...args], { stdin })
        if (verb !== 'verify') expect({ status, stderr }, verb).toEqual({ status: 0, stderr: '' })
        return stdout
      }
      const publish = (cidr: string) =>
        run('node publish', ['--state-dir', paths.stateDir], JSON.stringify({ protocol: 1, podCidrs: [cidr] }))
      const podProblems = async () => {
        const { checks } = JSON.parse(await run('verify', ['--state-dir', paths.stateDir, '-o', 'json'])) as { checks: Check[] }
        return checks.find(({ name }) => name === 'pods')?.problems
      }
      await run('install', pathArgs(paths))
      await publish('10.1.0.0/24')
      const { name } = JSON.parse(readFileSync(conflistPath(paths), 'utf8')) as { name: string }
      const added = await runTool(host, 'add', name, await host.pod('web'), { path: paths.binDir, env: { NETCONFPATH: paths.confDir } })
      expect(added).toMatchObject({ status: 0 })
      const [{ name: link }] = JSON.parse(added.stdout).interfaces
      expect(await podProblems()).toEqual([])
      await host.run('ip', 'route', 'del', '10.1.0.2')
      expect(await podProblems()).toEqual([
        expect.stringMatching(`^pod-route 10.1.0.2/32 dev ${link} of cnitool-.* is missing$`),
        'podwire node apply --last restores this',
      ])
      await host.run('ip', 'route', 'add', '10.1.0.2', 'dev', link)
      await publish('10.9.0.0/24')
      expect(await podProblems()).toEqual([
        expect.stringMatching('^10.1.0.2 of cnitool-.* is outside the node.s ranges.*: delete the pod$'),
      ])
    })
  })
})
