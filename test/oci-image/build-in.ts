// A copy of the sources in a folder of the test's own, and the image built there as `make image` does.

import { execFileSync } from 'node:child_process'
import { cpSync, symlinkSync } from 'node:fs'
import { join } from 'node:path'
import { root } from '../../build/image/script.ts'

/** Leaves FOLDER/dist as `make image` would. */
export function buildIn(folder: string): void {
  for (const name of ['src', 'native', 'build', 'helm', 'package.json', 'package-lock.json', 'LICENSE'])
    cpSync(join(root, name), join(folder, name), { recursive: true })
  symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'))
  const run = (file: string, ...args: string[]) => execFileSync(file, args, { cwd: folder, stdio: ['ignore', 'ignore', 'inherit'] })
  run('sh', 'build/plugins.sh')
  run('sh', 'build/agent.sh')
  run('sh', 'build/image/hooks.sh')
  run(process.execPath, 'build/image/main.ts')
}
