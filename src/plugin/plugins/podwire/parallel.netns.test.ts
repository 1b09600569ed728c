// Two ADDs of one attachment at once, which a runtime must not ask for and may after a time-out: one whole attachment comes of it.

import { expect, it } from 'vitest'
import { type CniOptions, describeHost, withHost } from '../../../../test/harness/netns.ts'
import { attach, call, full, remains, succeed } from '../../../../test/harness/podwire.ts'

const PAIRS = 20
const patient: CniOptions = { timeout: 60_000 }

describeHost('podwire called twice at once', () => {
  it.each(['ptp', 'bridge'])(
    `%s: ${PAIRS} pairs of ADDs of the same pod have one answer each, which CHECK finds, and pairs of DELs leave nothing`,
    async (datapath) => {
      await withHost(async (host) => {
        const pods = await Promise.all(Array.from({ length: PAIRS }, (_, i) => host.pod(`pod${i}`)))
        const configOf = (i: number) => full(datapath, 8000 + i)
        const [first = await host.pod()] = pods
        await attach(host, first, configOf(0))
        await succeed(host, 'DEL', first, configOf(0))
        const before = await remains(host)
        for (const [i, pod] of pods.entries()) {
          const output = await Promise.all([0, 1].map(() => call(host, 'ADD', pod, configOf(i), patient)))
          const [one, other] = output
          expect(
            output.map(({ status, stderr }) => ({ status, stderr })),
            one?.stdout + (other?.stdout ?? ''),
          ).toEqual([
            { status: 0, stderr: '' },
            { status: 0, stderr: '' },
          ])
          expect(other?.stdout).toBe(one?.stdout)
          await succeed(host, 'CHECK', pod, { ...configOf(i), prevResult: one?.json })
        }
        for (const [i, pod] of pods.entries()) await Promise.all([0, 1].map(() => succeed(host, 'DEL', pod, configOf(i), patient)))
        expect(await remains(host)).toEqual(before)
      })
    },
    60_000,
  )
})
