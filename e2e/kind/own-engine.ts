// A Docker engine of our own in a world of its own (world.sh): the machine's network, mounts and processes do not see it. Its node images are built here.

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { built } from '../built.ts'
import { beginWorld, cacheFolder, endWorld, inWorld, readOrNothing, stateFolder } from '../cluster/world.ts'
import { mustRun, run } from '../command.ts'
import type { Engine, Kubernetes } from './engine.ts'

export const state = stateFolder(1, 'podwire-kind')
/** Where the engine keeps images; it stays. */
const data = join(cacheFolder(), 'kind', 'docker')

export async function startOwnEngine(kubernetes: Kubernetes, stay: boolean): Promise<Engine> {
  const script = fileURLToPath(new URL('world.sh', import.meta.url))
  await beginWorld(state, stay, { script, env: { PROGRAMS: kindPrograms(), DATA: data }, end: '`make kind-down`' })
  try {
    const engine = attachOwnEngine(kubernetes)
    await untilItAnswers(engine)
    // Nodes of a world that ended before they did.
    await mustRun([...engine.at, 'sh', '-c', 'docker ps -aq | xargs -r docker rm -fv; docker volume prune -f'])
    return engine
  } catch (error) {
    await endWorld(state)
    throw error
  }
}

export function attachOwnEngine(kubernetes: Kubernetes): Engine {
  const [docker, programs] = [kindPrograms(), built('cluster/build.sh', { KUBERNETES: kubernetes })]
  const socket = `unix://${state}/docker.sock`
  const path = [docker, programs, process.env.PATH].join(':')
  return {
    kind: 'own',
    at: [...inWorld(state), 'env', `DOCKER_HOST=${socket}`, `PATH=${path}`],
    programs,
    limited: lacksResource(),
    nodeImage: async () =>
      built('kind/node-image.sh', { DOCKER_HOST: socket }, [docker, programs, join(built('cluster/coredns.sh'), 'coredns')]),
    end: endOwnEngine,
  }
}

/** Harmless where there is none. */
export const endOwnEngine = () => endWorld(state)

const kindPrograms = () => built('kind/programs.sh')

async function untilItAnswers({ at }: Engine): Promise<void> {
  for (let tries = 0; (await run([...at, 'docker', 'version'])).status !== 0; tries++) {
    const log = readOrNothing(join(state, 'engine', 'dockerd.log'))
      .trimEnd()
      .split('\n')
      .slice(-5)
      .join('\n')
    if (tries === 120) throw new Error(`the Docker engine does not answer: ${log}`)
    await sleep(500)
  }
}

/** Whether this machine is without CAP_SYS_RESOURCE (bit 24), as many virtual machines and containers are. */
function lacksResource(): boolean {
  const [, bounds = '0'] = /^CapBnd:\s*([0-9a-f]+)/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? []
  return ((BigInt(`0x${bounds}`) >> 24n) & 1n) === 0n
}
