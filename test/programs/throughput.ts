// How fast TCP gets through: `throughput.ts receive` prints bytes per second as JSON, `throughput.ts send ADDRESS` sends until the other end
// has enough. Run by Node itself, which takes the types away.

import { connect, createServer } from 'node:net'

const PORT = 5201
const SECONDS = 2.5
const chunk = Buffer.alloc(64 << 10)
const [, , role, address = ''] = process.argv

if (role === 'receive') receive()
else send(Date.now() + 5000)

/** The first second also by itself: that is where a burst would be seen. What comes behind a lost packet is seen late, so only the whole shows the rate. */
function receive(): void {
  const server = createServer((socket) => {
    let started = 0
    let first = 0
    let total = 0
    socket.on('error', () => {})
    socket.on('data', ({ length }) => {
      const now = performance.now()
      started ||= now
      const seconds = (now - started) / 1000
      total += length
      if (seconds <= 1) first += length
      if (seconds < SECONDS) return
      process.stdout.write(JSON.stringify({ first, mean: total / seconds }))
      process.exit(0)
    })
  })
  server.listen(PORT, '0.0.0.0')
}

/** Tries again until the receiver is there. */
function send(deadline: number): void {
  const socket = connect(PORT, address)
  const write = () => {
    while (socket.write(chunk));
  }
  socket.on('connect', write)
  socket.on('drain', write)
  socket.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'ECONNREFUSED' && Date.now() < deadline) setTimeout(() => send(deadline), 20)
    else process.exit(error.code === 'ECONNRESET' || error.code === 'EPIPE' ? 0 : 1)
  })
}
