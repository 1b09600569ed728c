import { spawnSync } from 'node:child_process'
import { existsSync, readdirSync, writeFileSync } from 'node:fs'
import { expect, it } from 'vitest'
import { describeHost, type Host, withHost } from './netns.ts'

const machine = (file: string, ...args: string[]) => spawnSync(file, args, { encoding: 'utf8' }).stdout

describeHost('a throw-away host', () => {
  it('has a network of its own when the machine has others', async () => {
    await withHost(async (host) => {
      await host.run('ip', 'link', 'add', 'podwire-probe', 'type', 'veth', 'peer', 'name', 'podwire-other')
      expect((await host.run('ip', '-o', 'link')).trim().split('\n')).toHaveLength(3)
      expect(await host.run('ls', '/sys/class/net')).toContain('podwire-probe')
      expect(machine('ip', '-o', 'link')).not.toContain('podwire-probe')
    })
  })

  it('keeps sysctls to itself when a program writes them', async () => {
    const before = machine('cat', '/proc/sys/net/ipv4/ip_forward')
    await withHost(async (host) => {
      await host.run('sh', '-c', 'echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1234 >/proc/sys/net/ipv4/conf/all/route_localnet || :')
      expect(await host.run('cat', '/proc/sys/net/ipv4/ip_forward')).toBe('1\n')
    })
    expect(machine('cat', '/proc/sys/net/ipv4/ip_forward')).toBe(before)
  })

  it.each(['/run', '/var/lib', '/etc', '/opt'])('keeps what is written under %s', async (folder) => {
    await withHost(async (host) => {
      const made = (await host.run('mktemp', '-p', folder)).trim()
      expect(await host.run('ls', made)).toBe(`${made}\n`)
      expect(existsSync(made)).toBe(false)
    })
  })

  it('gives pods that see the host only through what joins them', async () => {
    await withHost(async (host) => {
      const pod = await host.pod()
      const other = await host.pod('named')
      expect([pod.netns, other.netns]).toEqual(['/var/run/netns/pod1', '/var/run/netns/named'])
      await host.run('ip', 'link', 'add', 'up', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', pod.name)
      expect((await pod.exec('ip', ['-o', 'link'])).stdout).toContain('eth0')
      expect((await other.exec('ip', ['-o', 'link'])).stdout).not.toContain('eth0')
    })
  })

  it('hands a plugin the CNI variables and its configuration', async () => {
    await withHost(async (host) => {
      const script =
        '#!/bin/sh\nprintf \'{"env":"%s","stdin":%s}\' "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_NETNS $CNI_ARGS $HOME" "$(cat)"\nexit 3\n'
      writeFileSync(`${host.dir}/probe`, script, { mode: 0o755 })
      const outcome = await host.cni('probe', 'ADD', { name: 'x' }, { path: host.dir, netns: '/n', id: 'c', ifname: 'e', args: 'A=1' })
      expect(outcome).toMatchObject({ status: 3, json: { env: 'ADD c e /n A=1 ', stdin: { name: 'x' } } })
    })
  })

  it('leaves nothing behind when the test fails', async () => {
    let failed: Host | undefined
    let inode = ''
    const test = withHost(async (host) => {
      failed = host
      const pod = await host.pod()
      await host.exec('sh', ['-c', `nsenter --net=${pod.netns} sleep 1000 >/dev/null 2>&1 </dev/null &`])
      inode = (await pod.exec('readlink', ['/proc/self/ns/net'])).stdout.trim()
      throw new Error('as tests do')
    })
    await expect(test).rejects.toThrow('as tests do')
    expect(inode).toContain('net:[')
    const alive = readdirSync('/proc').filter((pid) => machine('readlink', `/proc/${pid}/ns/net`).trim() === inode)
    expect(alive).toEqual([])
    expect(existsSync(failed?.dir ?? '/')).toBe(false)
  })

  it('ends a program at its time limit', async () => {
    await withHost(async (host) => {
      const started = performance.now()
      expect(await host.exec('sleep', ['100'], { timeout: 200 })).toMatchObject({ status: -1 })
      expect(await host.exec('sh', ['-c', 'setsid sleep 100 &'], { timeout: 200 })).toMatchObject({ status: 0 })
      expect(performance.now() - started).toBeLessThan(20_000)
    })
  })
})
