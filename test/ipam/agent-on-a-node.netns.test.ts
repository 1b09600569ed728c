// The agent with `ipamServer.enabled` on a node: the published conflist has addresses by it, and what ends while it is away is released when it is back.

import { execFileSync, spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Agent, eventually, installInto, startAgent, temporaryFolder } from '../harness/agent.ts'
import { describeHost, pluginPath } from '../harness/netns.ts'

const netns = `podwire-ipam-${randomBytes(4).toString('hex')}`
const pods = ['a', 'b', 'c'].map((name) => `${netns}-${name}`)
const native = join(pluginPath, 'podwire')

function inside(...command: string[]): string {
  return execFileSync('ip', ['netns', 'exec', netns, ...command], { encoding: 'utf8', timeout: 10_000 })
}

describeHost("the agent's IPAM server on a node", () => {
  const dir = temporaryFolder()
  const nodesFile = join(dir, 'nodes.json')
  const template = join(dir, 'template.json')
  const stored = () => (existsSync(join(dir, 'state/ipam-releases')) ? readdirSync(join(dir, 'state/ipam-releases')) : [])
  const leases = () => readdirSync(join(dir, 'run/leases/podwire')).filter((name) => name.startsWith('10.1.0.'))
  const start = () =>
    startAgent({
      native,
      dir,
      config: { nodesFile, listen: '', ipamServer: { enabled: true, pools: [{ name: 'ingress', from: 16, to: 31 }] } },
      prefix: ['ip', 'netns', 'exec', netns],
    })
  const ready = () => existsSync(join(dir, 'run/status.json')) && JSON.parse(readFileSync(join(dir, 'run/status.json'), 'utf8')).ready
  let agent: Agent | undefined

  const call = (verb: string, pod: string) => {
    const list = JSON.parse(readFileSync(join(dir, 'conf/10-podwire.conflist'), 'utf8'))
    const input = JSON.stringify({ ...list.plugins[0], name: list.name, cniVersion: '1.1.0' })
    const variables = [
      `CNI_COMMAND=${verb}`,
      `CNI_CONTAINERID=${pod}`,
      'CNI_IFNAME=eth0',
      `CNI_NETNS=/var/run/netns/${pod}`,
      `CNI_PATH=${pluginPath}`,
    ]
    const { status, stdout } = spawnSync('ip', ['netns', 'exec', netns, 'env', ...variables, native], {
      input,
      encoding: 'utf8',
      timeout: 30_000,
    })
    return { status, json: stdout === '' ? {} : JSON.parse(stdout) }
  }

  beforeAll(() => {
    for (const name of [netns, ...pods]) execFileSync('ip', ['netns', 'add', name], { timeout: 10_000 })
    inside('ip', 'link', 'set', 'lo', 'up')
    inside('ip', 'link', 'add', 'uplink', 'type', 'veth', 'peer', 'name', 'far')
    inside('ip', 'addr', 'add', '192.0.2.1/24', 'dev', 'uplink')
    for (const link of ['far', 'uplink']) inside('ip', 'link', 'set', link, 'up')
    const ipam = { type: 'rpc', address: `unix://${dir}/run/ipam.sock`, spoolDir: join(dir, 'state/ipam-releases') }
    writeFileSync(template, JSON.stringify({ cniVersion: '1.0.0', name: 'podwire', plugins: [{ type: 'podwire', ipam }] }))
    const [program = '', ...args] = installInto(dir, native)
    inside(program, ...args, `--conflist=${template}`)
    const node = {
      metadata: { name: 'self' },
      spec: { podCIDRs: ['10.1.0.0/24'] },
      status: { addresses: [{ type: 'InternalIP', address: '192.0.2.1' }] },
    }
    writeFileSync(nodesFile, JSON.stringify([{ kind: 'Node', ...node }]))
  })
  afterAll(async () => {
    await agent?.kill()
    for (const name of [netns, ...pods]) execFileSync('ip', ['netns', 'delete', name], { timeout: 10_000 })
  })

  it('pods of the published conflist have addresses outside named pools, and reach the node', async () => {
    agent = await start()
    await eventually(ready)
    const [a = '', b = ''] = pods
    expect(call('STATUS', a)).toMatchObject({ status: 0 })
    expect(call('ADD', a)).toMatchObject({ status: 0, json: { ips: [{ address: '10.1.0.2/24', gateway: '10.1.0.1' }] } })
    expect(call('ADD', b)).toMatchObject({ status: 0, json: { ips: [{ address: '10.1.0.3/24' }] } })
    execFileSync('ip', ['netns', 'exec', a, 'ping', '-c1', '-W5', '192.0.2.1'], { timeout: 10_000 })
    execFileSync('ip', ['netns', 'exec', a, 'ping', '-c1', '-W5', '10.1.0.3'], { timeout: 10_000 })
    expect(leases().sort()).toEqual(['10.1.0.2', '10.1.0.3'])
  })

  it('DEL succeeds while the agent is away, ADD fails with code 11, and the release is sent when it is back', async () => {
    const [a = '', , c = ''] = pods
    await agent?.kill()
    expect(call('DEL', a).status).toBe(0)
    expect(call('ADD', c)).toMatchObject({ status: 1, json: { code: 11, msg: expect.stringContaining('/run/ipam.sock') } })
    expect(stored()).toHaveLength(1)
    agent = await start()
    await eventually(() => stored().length === 0)
    expect(leases()).toEqual(['10.1.0.3'])
    expect(call('ADD', c)).toMatchObject({ status: 0, json: { ips: [{ address: '10.1.0.4/24' }] } })
  })
})
