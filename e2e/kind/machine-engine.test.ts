import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { machineCanServe, machineEngine } from './machine-engine.ts'

describe("the machine's Docker engine", () => {
  const path = process.env.PATH
  let folder = ''
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'podwire-test-'))
    process.env.PATH = folder
  })
  afterEach(() => {
    process.env.PATH = path
    rmSync(folder, { recursive: true })
  })
  const program = (name: string, script: string) => writeFileSync(join(folder, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 })

  it('names the programs that are missing and the other engine', async () => {
    program('kubectl', 'exit 0')
    program('helm', 'exit 0')
    await expect(machineEngine('1.36').nodeImage()).rejects.toThrow(
      'KIND_ENGINE=machine: docker, kind not in PATH: install them, or use KIND_ENGINE=own',
    )
    expect(await machineCanServe('1.36')).toBe(false)
  })

  it("passes on docker's reason when it cannot pull the node image, and names the other engine", async () => {
    for (const name of ['kind', 'kubectl', 'helm']) program(name, 'exit 0')
    program('docker', '[ "$1" = version ] && exit 0; echo "no route to the registry" >&2; exit 1')
    await expect(machineEngine('1.37').nodeImage()).rejects.toThrow(
      /cannot pull kindest\/node:v1\.37\.0@sha256:\w+: no route to the registry; with KIND_ENGINE=own a node image is built$/,
    )
    expect(await machineCanServe('1.37')).toBe(false)
  })

  it('gives the image that it has when there is no registry', async () => {
    for (const name of ['kind', 'kubectl', 'helm']) program(name, 'exit 0')
    program('docker', '[ "$1" != pull ]')
    expect(await machineEngine('1.36').nodeImage()).toMatch(/^kindest\/node:v1\.36/)
    expect(await machineCanServe('1.36')).toBe(true)
  })
})
