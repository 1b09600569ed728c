// A cluster to work with by hand: `node e2e/cluster/main.ts up [KEY=VALUE…] | stay [KEY=VALUE…] | down | kubectl … | helm … | in NODE … | outside … | load ARCHIVE | reboot NODE`.

import { spawnSync } from 'node:child_process'
import { parseOptions } from '../options.ts'
import { attach, bringUp, commandLine, down } from './driver.ts'
import { bringUpToStay } from './stay.ts'

const [verb = '', ...args] = process.argv.slice(2)
try {
  process.exitCode = (await act()) ?? 0
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function act(): Promise<number | undefined> {
  switch (verb) {
    case 'up': {
      const { nodes } = await bringUp(parseOptions(args), true)
      console.log(`up: ${nodes.join(' ')}; not Ready until they have a network for pods`)
      return
    }
    case 'stay':
      console.log(await bringUpToStay(parseOptions(args)))
      return
    case 'down':
      return void (await down())
    case 'load':
      return void (await attach().loadImage(args[0] ?? ''))
    case 'reboot': {
      const [node = ''] = args
      const cluster = attach()
      await cluster.powerOff(node)
      return void (await cluster.powerOn(node))
    }
    case 'kubectl':
    case 'helm':
    case 'in':
    case 'outside': {
      const [file = '', ...rest] = commandLine(verb, args)
      return spawnSync(file, rest, { stdio: 'inherit' }).status ?? 1
    }
    default:
      console.error(
        'usage: node e2e/cluster/main.ts up [KEY=VALUE…] | stay [KEY=VALUE…] | down | kubectl … | helm … | in NODE … | outside … | load ARCHIVE | reboot NODE',
      )
      return 2
  }
}
