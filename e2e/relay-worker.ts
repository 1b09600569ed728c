// `node relay-worker.ts HOST PORT`: the process of a relay (relay.ts), in the namespace where HOST is reached; the listening server comes by its parent's message.

import { connect, type Server, type Socket } from 'node:net'

const [host = '', port = ''] = process.argv.slice(2)

process.on('message', (_text, handle) => {
  // The only thing that relay.ts sends.
  const server = handle as Server
  server.on('connection', pass)
  process.send?.('serving')
})

/** Joins a connection to one of its own; the end of either is the end of both. */
function pass(near: Socket): void {
  const far = connect(Number(port), host)
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.pipe(to)
    from.on('error', () => to.destroy())
    from.on('close', () => to.destroy())
  }
}
