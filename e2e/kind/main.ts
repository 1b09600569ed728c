// `node e2e/kind/main.ts up [KEY=VALUE…] | down`: what `make kind` and `make kind-down` run.

import { parseOptions } from '../options.ts'
import { down } from './driver.ts'
import { bringUpToStay } from './stay.ts'

const [verb = '', ...args] = process.argv.slice(2)
try {
  if (verb === 'up') {
    console.log(await bringUpToStay(parseOptions(args)))
  } else if (verb === 'down') {
    await down()
  } else {
    console.error('usage: node e2e/kind/main.ts up [KEY=VALUE…] | down')
    process.exitCode = 2
  }
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}
