// The example plugin is built and run as docs/write-a-plugin.md says: the page's own commands, and its own conflist.

import { execFileSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, expect, it } from 'vitest'
import { describeClient, goPath, noGoReason } from './clients/available.ts'
import { describeHost, type Host, pluginPath, withHost } from './harness/netns.ts'

const root = fileURLToPath(new URL('..', import.meta.url))
const page = readFileSync(join(root, 'docs/write-a-plugin.md'), 'utf8')
const examples = join(root, 'dist/examples')

/** What stands in the page's first fence of that language. */
function fence(language: string): string {
  return page.split(`\n\`\`\`${language}\n`)[1]?.split('\n```\n')[0] ?? ''
}

// The plugins are built before tests run, and other tests are using them.
const [makeBuild, build = '', ...commands] = fence('').split('\n')
const script = commands.join('\n')

// On the machine itself: where the engine is not built yet it has to be fetched.
beforeAll(() => void execFileSync('sh', ['-ec', build], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] }))

/** Runs shell commands from the folder of this repository, which may itself lie below /tmp, with a /tmp of the host's own. */
async function shell(host: Host, text: string) {
  const cover = 'mkdir /run/repository; mount --bind "$0" /run/repository; mount -t tmpfs tmpfs /tmp'
  await host.run('sh', '-ec', `[ -e /run/repository ] || { ${cover}; }`, root)
  return host.exec('sh', ['-ec', `cd /run/repository\n${text}`])
}

const prevResult = { cniVersion: '1.0.0', ips: [{ address: '10.1.0.5/24' }] }
const config = (more: object = {}) => ({ cniVersion: '1.0.0', name: 'mynet', type: 'hello', prevResult, ...more })

describeHost('the example plugin', () => {
  it('prints what the page shows when its commands are run', async () => {
    expect([makeBuild, build]).toEqual(['make build', 'sh build/native.sh examples/hello-plugin/plugin.ts dist/examples/hello'])
    await withHost(async (host) => {
      const typed = await shell(host, script)
      expect(typed).toMatchObject({ status: 0, stderr: '' })
      const [printed, file] = typed.stdout.split('\n}')
      expect(JSON.parse(`${printed}\n}`)).toEqual(prevResult)
      expect(file?.trim()).toBe('10.1.0.5/24')

      const [, call = ''] = script.split('mkdir -p /tmp/hello\n')
      const [removal = ''] = call.replace('CNI_COMMAND=ADD', 'CNI_COMMAND=DEL').split('\ncat ')
      expect(await shell(host, removal)).toEqual({ status: 0, stdout: '', stderr: '' })
      expect(await shell(host, 'ls -A /tmp/hello')).toMatchObject({ stdout: '' })
    })
  })

  it('reports what is wrong when its configuration or directory is', async () => {
    await withHost(async (host) => {
      const directory = join(host.dir, 'hello')
      const ask = async (verb: string, given: object) => (await host.cni('hello', verb, given, { path: examples, netns: '/none' })).json
      expect(await ask('ADD', config())).toMatchObject({ code: 7, msg: expect.stringContaining('directory: expected an absolute path') })
      expect(await ask('ADD', config({ directory, prevResult: undefined }))).toMatchObject({
        code: 7,
        msg: 'prevResult: is missing',
        details: expect.stringContaining('chained'),
      })
      expect(await ask('ADD', config({ directory }))).toMatchObject({ code: 5, msg: expect.stringContaining(`open ${directory}/mynet:`) })
      expect(await ask('STATUS', config({ directory, cniVersion: '1.1.0' }))).toMatchObject({ code: 50 })
      expect(await ask('CHECK', config({ directory }))).toMatchObject({ code: 999, msg: expect.stringContaining('is missing') })
      expect(await ask('DEL', config({ directory }))).toBeUndefined()
    })
  })

  it('removes only what the list lacks when GC comes', async () => {
    await withHost(async (host) => {
      mkdirSync(join(host.dir, 'hello'))
      const given = config({ directory: join(host.dir, 'hello') })
      for (const id of ['a', 'b'])
        expect(await host.cni('hello', 'ADD', given, { path: examples, netns: '/none', id })).toMatchObject({ status: 0 })
      const files = () => host.run('ls', join(host.dir, 'hello'))
      const collect = (more: object) =>
        host.cni('hello', 'GC', { ...given, cniVersion: '1.1.0', prevResult: undefined, ...more }, { path: examples })
      expect(await collect({})).toMatchObject({ status: 0 })
      expect(await files()).toBe('mynet:a:eth0\nmynet:b:eth0\n')
      expect(await collect({ 'cni.dev/valid-attachments': [{ containerID: 'b', ifname: 'eth0' }] })).toMatchObject({ status: 0 })
      expect(await files()).toBe('mynet:b:eth0\n')
    })
  })
})

describeClient('the example plugin behind bridge, as the page has it', noGoReason('cnitool'), () => {
  it('keeps a file for the attachment when cnitool adds it, until it removes it', async () => {
    await withHost(async (host) => {
      writeFileSync(join(host.dir, 'mynet.conflist'), fence('json'))
      await host.run('mkdir', '-p', '/var/lib/hello')
      const pod = await host.pod()
      const env = { PATH: process.env.PATH ?? '', NETCONFPATH: host.dir, CNI_PATH: `${pluginPath}:${examples}` }
      const cnitool = (verb: string) => host.exec(join(goPath, 'cnitool'), [verb, 'mynet', pod.netns], { env })
      const added = await cnitool('add')
      expect(JSON.parse(added.stdout)).toMatchObject({
        interfaces: [{ name: 'cni0' }, {}, { name: 'eth0' }],
        ips: [{ address: '10.1.0.2/24' }],
      })
      expect(await host.run('sh', '-c', 'cat /var/lib/hello/*')).toBe('10.1.0.2/24\n')
      expect(await cnitool('check')).toMatchObject({ status: 0, stderr: '' })
      expect(await cnitool('del')).toMatchObject({ status: 0, stderr: '' })
      expect(await host.run('ls', '/var/lib/hello')).toBe('')
    })
  })
})
