// The installer on file systems that do not want it, and the removal of what it brought, with pods there and without.

import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { describeHost, type Host, type Outcome, withHost } from '../../test/harness/netns.ts'
import { nodePaths, otherVersion, pathArgs, pluginNames, program, sha256 } from '../../test/harness/node-files.ts'
import { conflistPath, type Paths } from '../contract/paths.ts'

interface Node {
  readonly host: Host
  readonly paths: Paths
  /** `podwire VERB` with the node's places, by the program as it was built or another. */
  podwire(verb: string, args?: readonly string[], options?: { readonly stdin?: string; readonly file?: string }): Promise<Outcome>
}

const withNode = (body: (node: Node) => Promise<void>) =>
  withHost(async (host) => {
    const paths = nodePaths(host.dir)
    await body({
      host,
      paths,
      podwire: (verb, args = [], { stdin = '', file = program } = {}) =>
        host.exec(file, [...verb.split(' '), ...pathArgs(paths), ...args], { stdin }),
    })
  })

describeHost('podwire install', () => {
  it('takes a read-only directory that has the right files', async () => {
    await withNode(async ({ host, paths, podwire }) => {
      expect(await podwire('install')).toMatchObject({ status: 0 })
      await host.run('mount', '--bind', '-o', 'ro', paths.binDir, paths.binDir)
      expect(await podwire('install')).toMatchObject({ status: 0, stderr: '' })
      // Also where others put them there and no manifest has them.
      await host.run('rm', '-r', paths.stateDir)
      expect(await podwire('install')).toMatchObject({ status: 0, stderr: '' })
    })
  })

  it.each([
    ['lacks all', async () => {}, `lacks podwire, ${pluginNames.filter((name) => name !== 'podwire').join(', ')}`],
    [
      'has another version of one',
      async (dir: string) => writeFileSync(join(dir, 'bridge'), 'x', { mode: 0o755 }),
      'bridge (another version)',
    ],
  ])('names what a read-only directory %s', async (_what, prepare, message) => {
    await withNode(async ({ host, paths, podwire }) => {
      mkdirSync(paths.binDir)
      await prepare(paths.binDir)
      await host.run('mount', '--bind', '-o', 'ro', paths.binDir, paths.binDir)
      const { status, stderr } = await podwire('install')
      expect({ status, stderr }).toEqual({ status: 1, stderr: expect.stringContaining(`${paths.binDir} is read-only and lacks`) })
      expect(stderr).toContain(message)
    })
  })

  it('names the noexec mount, and leaves the old files', async () => {
    await withNode(async ({ host, paths, podwire }) => {
      expect(await podwire('install', [], { file: otherVersion(join(host.dir, 'old')) })).toMatchObject({ status: 0 })
      const before = sha256(join(paths.binDir, 'bridge'))
      await host.run('mount', '--bind', '-o', 'noexec', paths.binDir, paths.binDir)
      const { status, stderr } = await podwire('install')
      expect({ status, stderr }).toEqual({
        status: 1,
        stderr: expect.stringContaining(`${paths.binDir} is mounted noexec: mount it with exec`),
      })
      expect(sha256(join(paths.binDir, 'bridge'))).toBe(before)
      expect(readdirSync(paths.binDir).sort()).toEqual(pluginNames)
    })
  })

  it('names the full disk and leaves the old files, and no temp files, when the disk is full', async () => {
    await withNode(async ({ host, paths, podwire }) => {
      const old = otherVersion(join(host.dir, 'old'))
      mkdirSync(paths.binDir)
      // Room for one version.
      await host.run('mount', '-t', 'tmpfs', '-o', 'size=1500k', 'tmpfs', paths.binDir)
      expect(await podwire('install', [], { file: old })).toMatchObject({ status: 0 })
      expect(await podwire('install')).toMatchObject({
        status: 1,
        stderr: expect.stringContaining(`the file system of ${paths.binDir} is full`),
      })
      const sums = (await host.run('sh', '-c', `sha256sum "${paths.binDir}"/* | cut -c1-64 | sort -u; ls -A "${paths.binDir}"`)).split('\n')
      expect(sums.filter(Boolean)).toEqual([sha256(old), ...pluginNames])
    })
  })

  it('copies where there can be no hard link', async () => {
    await withNode(async ({ host, paths, podwire }) => {
      await podwire('install')
      const first = join(paths.binDir, 'podwire')
      // There is no hard link between two mounts, even of the same file system.
      await host.run('mount', '--bind', first, first)
      await host.run('rm', join(paths.binDir, 'bridge'))
      expect(await podwire('install')).toMatchObject({ status: 0, stdout: expect.stringContaining(`${paths.binDir}/bridge: written`) })
      expect(sha256(join(paths.binDir, 'bridge'))).toBe(sha256(program))
    })
  })

  it.each([
    ['a full disk', 'size=4k,nr_inodes=2', 'cannot save the manifest in'],
    ['a read-only one', 'ro', 'cannot save the manifest in'],
  ])('touches no plugin when the state directory is on %s', async (_what, options, message) => {
    await withNode(async ({ host, paths, podwire }) => {
      mkdirSync(paths.stateDir)
      await host.run('mount', '-t', 'tmpfs', '-o', options, 'tmpfs', paths.stateDir)
      expect(await podwire('install')).toMatchObject({ status: 1, stderr: expect.stringContaining(`${message} ${paths.stateDir}`) })
      expect(readdirSync(host.dir)).not.toContain('conf')
      const present = (await host.exec('ls', [paths.binDir])).stdout
      expect(present).toBe('')
    })
  })
})

describeHost('podwire uninstall', () => {
  it('takes away all that was installed and published, and not the directories that runtimes watch', async () => {
    await withNode(async ({ paths, podwire, host }) => {
      await podwire('install')
      await publish(podwire, {})
      mkdirSync(join(paths.runDir, 'leases/podwire'), { recursive: true })
      writeFileSync(join(paths.runDir, 'leases/podwire/10.1.0.2'), 'gone\r\neth0')
      writeFileSync(join(paths.runDir, 'status.json'), '{}')
      writeFileSync(join(paths.runDir, 'ipam.sock'), '')
      mkdirSync(join(paths.stateDir, 'ipam-releases'))
      for (const name of ['sticky.json', 'ipam-releases/a.json']) writeFileSync(join(paths.stateDir, name), '{}')
      const before = await tree(host)
      const dry = await podwire('uninstall', ['--dry-run'])
      expect(dry).toMatchObject({ status: 0, stderr: '' })
      expect(await tree(host)).toEqual(before)
      const { status, stdout, stderr } = await podwire('uninstall')
      expect({ status, stderr }).toEqual({ status: 0, stderr: '' })
      expect(stdout.replaceAll('removed', 'would remove')).toBe(dry.stdout)
      expect(stdout.split('\n')[0]).toBe(`removed conflist: ${conflistPath(paths)}`)
      expect(await tree(host)).toEqual(['bin', 'conf'])
      expect(await podwire('uninstall')).toMatchObject({ status: 0, stdout: 'nothing of podwire is here\n', stderr: '' })
      expect(await tree(host)).toEqual(['bin', 'conf'])
    })
  })

  it('keeps what was changed since, and reports it', async () => {
    await withNode(async ({ paths, podwire, host }) => {
      await podwire('install')
      await host.run('sh', '-c', `rm ${paths.binDir}/bridge; echo mine >${paths.binDir}/bridge`)
      writeFileSync(join(paths.stateDir, 'notes'), 'mine')
      mkdirSync(paths.confDir, { recursive: true })
      writeFileSync(conflistPath(paths), '{"plugins":[{"type":"calico"}]}')
      const { status, stdout } = await podwire('uninstall')
      expect(status).toBe(0)
      expect(stdout).toContain(`kept ${paths.binDir}/bridge: it was changed since it was installed`)
      expect(stdout).toContain(`kept ${conflistPath(paths)}: it is not the one that was published`)
      expect(stdout).toContain(`kept ${paths.stateDir}: it has other files in it: notes`)
      expect(readdirSync(paths.binDir)).toEqual(['bridge'])
    })
  })

  it('removes an edited conflist, as it names a removed plugin', async () => {
    await withNode(async ({ paths, podwire }) => {
      await podwire('install')
      await publish(podwire, {})
      writeFileSync(conflistPath(paths), '{"plugins":[{"type":"podwire"}]}')
      expect(await podwire('uninstall')).toMatchObject({ status: 0 })
      expect(readdirSync(paths.confDir)).toEqual([])
    })
  })

  it('restores configurations of others, and keeps the backup when the name is taken', async () => {
    await withNode(async ({ paths, podwire }) => {
      await podwire('install')
      for (const name of ['05-a.conflist', '06-b.conflist']) writeFileSync(join(paths.confDir, name), name)
      expect((await publish(podwire, { exclusive: 'backup' })).others).toHaveLength(2)
      writeFileSync(join(paths.confDir, '06-b.conflist'), 'newer')
      const { status, stdout } = await podwire('uninstall')
      expect(status).toBe(0)
      expect(stdout).toContain(`restored: ${paths.confDir}/05-a.conflist`)
      expect(stdout).toContain(`kept ${paths.stateDir}/backup/06-b.conflist: ${paths.confDir}/06-b.conflist is there again`)
      const contents = readdirSync(paths.confDir).map((name) => readFileSync(join(paths.confDir, name), 'utf8'))
      expect(contents).toEqual(['05-a.conflist', 'newer'])
    })
  })

  it('fails while pods are attached, names them, and removes their links with --force', async () => {
    await withNode(async ({ host, paths, podwire }) => {
      await podwire('install')
      await publish(podwire, {})
      const conflist = JSON.parse(readFileSync(conflistPath(paths), 'utf8'))
      const config = { ...conflist.plugins[0], name: conflist.name, cniVersion: '1.0.0' }
      const pod = await host.pod()
      const args = 'K8S_POD_NAMESPACE=ns;K8S_POD_NAME=web'
      expect(await host.cni('podwire', 'ADD', config, { netns: pod.netns, args, path: paths.binDir })).toMatchObject({ status: 0 })

      const listed = JSON.parse((await podwire('pods', ['-o', 'json'])).stdout)
      expect(listed).toEqual([
        expect.objectContaining({
          pod: 'ns/web',
          addresses: ['10.1.0.2'],
          ifname: 'eth0',
          containerId: 'podwire-test',
          network: 'podwire',
        }),
      ])
      expect((await podwire('pods')).stdout).toMatch(
        /^POD +ADDRESSES +LINK .*\nns\/web +10\.1\.0\.2 +veth[0-9a-f]{8} +eth0 +podwire +\d+s\n$/,
      )
      expect((await podwire('ipam list')).stdout).toMatch(/\n10\.1\.0\.2 +podwire-test +eth0 +ns\/web +podwire +\d+s\n$/)

      const before = await tree(host)
      const rejected = await podwire('uninstall')
      expect(rejected).toMatchObject({ status: 1, stdout: '', stderr: expect.stringContaining('1 pods are attached') })
      expect(rejected.stderr).toMatch(/ns\/web 10\.1\.0\.2 veth/)
      expect(await tree(host)).toEqual(before)

      expect(await podwire('uninstall', ['--force'])).toMatchObject({
        status: 0,
        stderr: '',
        stdout: expect.stringMatching(/removed link: veth/),
      })
      expect(await host.run('ip', '-o', 'link', 'show', 'type', 'veth')).toBe('')
      expect(await tree(host)).toEqual(['bin', 'conf'])
    })
  })

  it('continues after a failure, reports it, and can be repeated', async () => {
    await withNode(async ({ host, paths, podwire }) => {
      await podwire('install')
      await publish(podwire, {})
      await host.run('mount', '--bind', '-o', 'ro', paths.binDir, paths.binDir)
      const { status, stderr } = await podwire('uninstall')
      expect(status).toBe(1)
      expect(stderr.split('\n').filter((line) => line.includes('Read-only file system'))).toHaveLength(pluginNames.length)
      expect(readdirSync(paths.confDir)).toEqual([])
      expect(readdirSync(paths.stateDir)).toContain('install.json')
      await host.run('umount', paths.binDir)
      expect(await podwire('uninstall')).toMatchObject({ status: 0, stderr: '' })
      expect(await tree(host)).toEqual(['bin', 'conf'])
    })
  })
})

async function publish(podwire: Node['podwire'], input: object) {
  const stdin = JSON.stringify({ protocol: 1, podCidrs: ['10.1.0.0/24'], ...input })
  const { status, stdout, stderr } = await podwire('node publish', [], { stdin })
  expect(status, stderr).toBe(0)
  return JSON.parse(stdout)
}

async function tree(host: Host): Promise<string[]> {
  return (await host.run('sh', '-c', `cd "${host.dir}" && find . -mindepth 1 | cut -c3- | sort`)).split('\n').filter(Boolean)
}
