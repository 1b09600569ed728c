// An HTTP server that serves until the agent ends, and is made again until it can listen: the network does not depend on it.

import type { Server } from 'node:http'
import { reasonOf } from '../failure.ts'
import { aborted, sleep } from './backoff.ts'

/** Milliseconds between attempts: during an update the old agent holds the port or socket for a while. */
const RETRY = 1_000

/** `listen` makes a server and resolves once it listens. `failed` hears each reason once, until there is another. */
export async function serveUntil(signal: AbortSignal, listen: () => Promise<Server>, failed: (reason: string) => void): Promise<void> {
  let reported = ''
  while (!signal.aborted) {
    try {
      const server = await listen()
      await aborted(signal)
      server.close()
      server.closeAllConnections()
      return
    } catch (error) {
      const reason = reasonOf(error)
      if (reason !== reported) failed(reason)
      reported = reason
      await sleep(RETRY, signal)
    }
  }
}

/** Resolves once the server listens; rejects where the address is in use, or cannot be had. */
export function listening(server: Server, listen: (done: () => void) => void): Promise<void> {
  return new Promise((done, fail) => {
    server.once('error', fail)
    listen(done)
  })
}
