// A server on a machine that is not of the cluster: it says from which address it was asked.

import { succeeded } from './command.ts'
import type { Cluster } from './driver.ts'
import { urlOf } from './pods.ts'
import { eventually } from './scenario.ts'

const port = 8099
const program = `require('node:http').createServer((asked, answer) => answer.end(asked.socket.remoteAddress.replace('::ffff:', ''))).listen(${port}, '::')`

export interface OutsideServer {
  url(address: string): string
  stop(): Promise<unknown>
}

/** Starts it, and returns when it answers. */
export async function startOutsideServer(cluster: Cluster): Promise<OutsideServer> {
  const server = cluster.startOutside([process.execPath, '-e', program])
  const [address = ''] = cluster.outsideAddresses
  await eventually(5, async () =>
    succeeded(await cluster.outside(['curl', '-sS', '-g', '-m', '1', urlOf(address, port)]), 'the server outside'),
  )
  return { url: (host) => urlOf(host, port), stop: () => server.kill() }
}
