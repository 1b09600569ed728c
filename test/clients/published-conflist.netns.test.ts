// What containerd's CRI plugin makes of our conflist: it has to notice that it was published, changed and taken away, without a restart.

import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect } from 'node:http2'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { expect, it, vi } from 'vitest'
import { type Host, withHost } from '../harness/netns.ts'
import { nodePaths, pathArgs, program } from '../harness/node-files.ts'
import { describeClient, noProgramReason } from './available.ts'

describeClient('containerd and the published conflist', noProgramReason('containerd'), () => {
  it('is ready when it is published, again when it was removed or edited, and not any more when it is uninstalled', async () => {
    await withHost(async (host) => {
      const paths = nodePaths(host.dir)
      const podwire = (verb: string, stdin = '') => host.exec(program, [...verb.split(' '), ...pathArgs(paths)], { stdin })
      const publish = (subnet: string) => podwire('node publish', JSON.stringify({ protocol: 1, podCidrs: [subnet] }))
      expect(await podwire('install')).toMatchObject({ status: 0 })
      const socket = await startCri(host, paths.confDir, paths.binDir)
      const ready = (expected: boolean) => vi.waitUntil(async () => (await networkReady(socket)) === expected, 5000)
      await ready(false)

      expect(await publish('10.1.0.0/24')).toMatchObject({ status: 0 })
      await ready(true)
      await host.run('rm', join(paths.confDir, paths.confName))
      await ready(false)
      expect(await publish('10.1.0.0/24')).toMatchObject({ status: 0 })
      await ready(true)
      writeFileSync(join(paths.confDir, paths.confName), '{')
      await ready(false)
      expect(await publish('10.2.0.0/24')).toMatchObject({ status: 0 })
      await ready(true)
      expect(await podwire('uninstall')).toMatchObject({ status: 0 })
      await ready(false)
      expect(readFileSync(join(host.dir, 'containerd.log'), 'utf8')).not.toContain('level=fatal')
    })
  })
})

async function startCri(host: Host, confDir: string, binDir: string): Promise<string> {
  const socket = join(host.dir, 'containerd.sock')
  const settings = [
    'version = 2',
    `root = "${host.dir}/root"`,
    `state = "${host.dir}/containerd-state"`,
    `[grpc]\naddress = "${socket}"`,
    '[ttrpc]\naddress = "/run/containerd-ttrpc.sock"',
    '[plugins."io.containerd.grpc.v1.cri".containerd]\nsnapshotter = "native"',
    `[plugins."io.containerd.grpc.v1.cri".cni]\nconf_dir = "${confDir}"\nbin_dir = "${binDir}"`,
  ]
  mkdirSync(join(host.dir, 'root'))
  writeFileSync(join(host.dir, 'config.toml'), settings.join('\n'))
  await host.run('sh', '-c', 'containerd --config "$1/config.toml" >"$1/containerd.log" 2>&1 </dev/null &', 'sh', host.dir)
  await vi.waitUntil(async () => (await networkReady(socket).catch(() => undefined)) !== undefined, 20_000)
  return socket
}

/** CRI's Status, as the kubelet asks it: an empty request, and in the answer a condition `NetworkReady` with a flag where it is true. */
function networkReady(socket: string): Promise<boolean> {
  return new Promise((done, fail) => {
    const session = connect('http://localhost', { createConnection: () => createConnection(socket) })
    session.on('error', fail)
    const call = session.request({
      ':method': 'POST',
      ':path': '/runtime.v1.RuntimeService/Status',
      'content-type': 'application/grpc',
      te: 'trailers',
    })
    const parts: Buffer[] = []
    call.on('error', fail)
    call.on('data', (part) => parts.push(part))
    call.on('end', () => {
      session.close()
      const answer = Buffer.concat(parts)
      const name = answer.indexOf('NetworkReady')
      if (name < 0) fail(new Error('no answer of CRI'))
      // runtime.v1.RuntimeCondition: field 2, a varint, follows the type; proto3 leaves false out.
      else done(answer.subarray(name + 12, name + 14).equals(Buffer.from([0x10, 1])))
    })
    // A gRPC message: not compressed, of length 0.
    call.end(Buffer.alloc(5))
  })
}
