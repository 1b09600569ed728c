// A server that answers each client with its source address: `node who.ts PORT READY`; makes the file READY once it listens.

import { writeFileSync } from 'node:fs'
import { createServer } from 'node:http'

const [port, ready = ''] = process.argv.slice(2)
createServer((request, answer) => answer.end(`you are ${request.socket.remoteAddress}\n`)).listen(Number(port), '0.0.0.0', () =>
  writeFileSync(ready, ''),
)
