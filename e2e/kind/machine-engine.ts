// The Docker engine that runs on this machine, with docker, kind, kubectl and helm as its user has them, and kind's own node images.

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { run } from '../command.ts'
import type { Engine, Kubernetes } from './engine.ts'

/** Of kind v0.33.0, by its release notes. */
const images: Readonly<Record<Kubernetes, string>> = {
  '1.36': 'kindest/node:v1.36.4@sha256:099e049362a1526b2db71494e1947aae99bd16290d7c895f2b7ea312e3cbfaed',
  '1.37': 'kindest/node:v1.37.0@sha256:a1ed56cfb0e7b93589bdf97c8cd566405a265939e3620fc4f5de89adff580ae5',
}

const programs = ['docker', 'kind', 'kubectl', 'helm']

/** Whether everything is there, and kind's image too or to be had. */
export async function machineCanServe(kubernetes: Kubernetes): Promise<boolean> {
  return (
    missingPrograms().length === 0 &&
    (await run(['docker', 'version'])).status === 0 &&
    (await pullFailure(images[kubernetes])) === undefined
  )
}

/** Its node image is the first thing that is requested of it: that one reports what is missing. */
export const machineEngine = (kubernetes: Kubernetes): Engine => ({
  kind: 'machine',
  at: [],
  programs: folderOf('kubectl') ?? '',
  limited: false,
  nodeImage: () => pulledImage(images[kubernetes]),
  async end() {},
})

async function pulledImage(image: string): Promise<string> {
  const missing = missingPrograms()
  if (missing.length > 0) throw new Error(`KIND_ENGINE=machine: ${missing.join(', ')} not in PATH: install them, or use KIND_ENGINE=own`)
  const failure = await pullFailure(image)
  if (failure === undefined) return image
  throw new Error(`KIND_ENGINE=machine: docker cannot pull ${image}: ${failure}; with KIND_ENGINE=own a node image is built`)
}

/** Why an image is neither there nor to be had. */
async function pullFailure(image: string): Promise<string | undefined> {
  if ((await run(['docker', 'image', 'inspect', image])).status === 0) return undefined
  const { status, stderr } = await run(['docker', 'pull', '-q', image], { timeout: 600_000 })
  return status === 0 ? undefined : stderr.trim() || 'no answer for 10 minutes'
}

const missingPrograms = () => programs.filter((name) => folderOf(name) === undefined)

/** The folder of PATH that holds a program. */
const folderOf = (name: string) => (process.env.PATH ?? '').split(':').find((folder) => existsSync(join(folder, name)))
