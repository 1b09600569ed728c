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

/** Whether everything is there, and kind's image too or to be had. */
export async function machineCanServe(kubernetes: Kubernetes): Promise<boolean> {
  const programs = ['docker', 'kind', 'kubectl', 'helm'].every((name) => folderOf(name) !== undefined)
  return programs && (await run(['docker', 'version'])).status === 0 && (await pull(images[kubernetes]))
}

/** Throws nothing: what is missing shows with the first command. */
export const machineEngine = (kubernetes: Kubernetes): Engine => ({
  kind: 'machine',
  at: [],
  programs: folderOf('kubectl') ?? '',
  limited: false,
  async nodeImage() {
    const image = images[kubernetes]
    if (!(await pull(image))) throw new Error(`docker cannot pull ${image}: with KIND_ENGINE=own a node image is built`)
    return image
  },
  async end() {},
})

async function pull(image: string): Promise<boolean> {
  if ((await run(['docker', 'image', 'inspect', image])).status === 0) return true
  return (await run(['docker', 'pull', '-q', image], { timeout: 600_000 })).status === 0
}

/** The folder of PATH that holds a program. */
const folderOf = (name: string) => (process.env.PATH ?? '').split(':').find((folder) => existsSync(join(folder, name)))
