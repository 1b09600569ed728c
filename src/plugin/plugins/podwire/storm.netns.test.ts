// 24 pods that come and go at once, with the plugin killed in the middle now and then: afterwards nothing of it may be left.

import { expect, it } from 'vitest'
import { type CniOptions, describeHost, type Host, type Pod, pluginPath, withHost } from '../../../../test/harness/netns.ts'
import { attach, call, full, network, remains, succeed } from '../../../../test/harness/podwire.ts'
import { seeded } from '../../../../test/harness/random.ts'

const STORMS = 24
/** `make soak` goes on for longer. */
const repeats = Number(process.env.REPEATS ?? 1)
/** Of each storm: ADDs and DELs in turn, so that there are 1,008 in all, REPEATS times. */
const OPERATIONS = 42 * repeats

/** The plugin, killed after some milliseconds where it has not ended by then; true where it was. */
async function killed(host: Host, command: string, pod: Pod, config: unknown, seconds: number): Promise<boolean> {
  const env = {
    PATH: process.env.PATH ?? '',
    CNI_COMMAND: command,
    CNI_PATH: pluginPath,
    CNI_NETNS: pod.netns,
    CNI_CONTAINERID: pod.name,
    CNI_IFNAME: 'eth0',
  }
  const args = ['-s', 'KILL', seconds.toFixed(4), `${pluginPath}/podwire`]
  const { status } = await host.exec('timeout', args, { env, stdin: JSON.stringify(config) })
  return status !== 0
}

const unlimited: CniOptions = { timeout: 60_000 }

describeHost('podwire in a storm', () => {
  it.each(['ptp', 'bridge'])(
    `%s: ${STORMS * OPERATIONS} ADDs and DELs in ${STORMS} storms, some killed, leave nothing behind`,
    async (datapath) => {
      await withHost(async (host) => {
        const pods = await Promise.all(Array.from({ length: STORMS }, (_, i) => host.pod(`pod${i}`)))
        const configOf = (pod: Pod) => full(datapath, 8000 + pods.indexOf(pod))
        const [first = await host.pod()] = pods
        await attach(host, first, configOf(first))
        await succeed(host, 'DEL', first, configOf(first))
        const before = await remains(host)

        const wrong: string[] = []
        let kills = 0
        const storm = async (pod: Pod, seed: number) => {
          const random = seeded(seed)
          for (let i = 0; i < OPERATIONS; i++) {
            const command = i % 2 === 0 ? 'ADD' : 'DEL'
            if (random() < 0.3) {
              if (await killed(host, command, pod, configOf(pod), 0.002 + random() * 0.02)) kills++
              continue
            }
            const { status, stdout, stderr } = await call(host, command, pod, configOf(pod), unlimited)
            if (status !== 0) wrong.push(`${command} ${pod.name}: ${status} ${stdout}${stderr}`)
          }
        }
        await Promise.all(pods.map(storm))
        expect(wrong).toEqual([])
        expect(kills).toBeGreaterThan(STORMS)

        // Whatever the kills have left, each pod gets a whole attachment with addresses of its own.
        const answers = await Promise.all(pods.map((pod) => call(host, 'ADD', pod, configOf(pod), unlimited)))
        const results = answers.map(({ status, stdout }) => (status === 0 ? JSON.parse(stdout) : { failed: stdout }))
        expect(results.filter(({ failed }) => failed)).toEqual([])
        expect(new Set(results.flatMap(({ ips }) => ips.map(({ address }: { address: string }) => address))).size).toBe(2 * STORMS)
        const checks = await Promise.all(
          pods.map((pod, i) => call(host, 'CHECK', pod, { ...configOf(pod), prevResult: results[i] }, unlimited)),
        )
        expect(checks.filter(({ status }) => status !== 0).map(({ stdout }) => stdout)).toEqual([])

        const [leaving, staying] = [pods.slice(0, STORMS / 2), pods.slice(STORMS / 2)]
        await Promise.all(leaving.map((pod) => succeed(host, 'DEL', pod, configOf(pod), unlimited)))
        // The others are killed once more while they go, and GC finds the rest.
        await Promise.all(staying.map((pod, i) => killed(host, 'DEL', pod, configOf(pod), 0.002 + i / 1000)))
        const gc = await host.cni('podwire', 'GC', { ...network, datapath, 'cni.dev/valid-attachments': [] }, { id: '' })
        expect({ status: gc.status, stdout: gc.stdout }, gc.stderr).toEqual({ status: 0, stdout: '' })
        expect(await remains(host)).toEqual(before)
      })
    },
    120_000 * repeats,
  )
})
