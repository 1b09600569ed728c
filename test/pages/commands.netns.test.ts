// What the pages mark as runnable, run as printed: every page in a host of its own, its output compared with what the page shows.

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { root } from '../../build/image/script.ts'
import { readPages } from '../../build/pages/pages.ts'
import { describeHost, pluginPath, withHost } from '../harness/netns.ts'
import { matchesOutput, type Step, scriptOf, stepsOf } from './runnable.ts'

const docs = 'docs/'
const pages = readPages()
  .filter(({ path }) => path.startsWith(docs) || path === 'README.md')
  .map((page) => [page.path, stepsOf(page)] as const)
  .filter(([, steps]) => steps.length > 0)

// Without it the hosts write to the machine's /etc and /opt.
const overlay = readFileSync('/proc/filesystems', 'utf8').includes('overlay')

describeHost('the commands of', () => {
  it.skipIf(!overlay).concurrent.each(pages)('%s print what the page shows', async (path, steps) => {
    expect(await problemsOf(path, steps)).toEqual([])
  })
})

// The pages' files in /tmp are not the machine's, also where this repository lies there; nor are the machine's networks and plugins theirs.
const setUp = `
set -e
mkdir /run/steps
mount --bind "$STEPS" /run/steps
mkdir -p /etc/cni /opt/cni
mount -t tmpfs tmpfs /etc/cni
mount -t tmpfs tmpfs /opt/cni
mkdir /etc/cni/net.d /opt/cni/bin
mkdir /run/repository
mount --bind ${root} /run/repository
mount -t tmpfs tmpfs /tmp
`

const inRepository = (path: string) => path.replace(root, '/run/repository/')

it('docs/commands.md names every verb of `podwire help` when the program is built', () => {
  const help = execFileSync(join(pluginPath, 'podwire'), ['help'], { encoding: 'utf8' })
  const verbs = [...help.matchAll(/^ {2}(\w+(?: [\w-]+)?) {2,}/gm)].map(([, verb = '']) => verb)
  const text = readFileSync(join(root, 'docs/commands.md'), 'utf8')
  expect(verbs.length).toBeGreaterThan(10)
  expect(verbs.filter((verb) => !text.includes(`podwire ${verb}`) && !text.includes(`\`${verb}\``))).toEqual([])
})

async function problemsOf(path: string, steps: readonly Step[]): Promise<readonly string[]> {
  return await withHost(async ({ dir, exec }) => {
    const env = {
      PATH: `${inRepository(pluginPath)}:${process.env.PATH}`,
      HOME: '/run/steps',
      STEPS: dir,
      NODE: inRepository(process.execPath),
    }
    const script = `${setUp}cd /run/repository\n${scriptOf(steps, '/run/steps')}`
    const { stderr } = await exec('bash', ['-c', script], { env, timeout: 55_000 })
    if (!existsSync(join(dir, '0.out'))) return [`${path}: nothing was run: ${stderr}`]
    return steps.flatMap(({ command, line, status, output }, index) => {
      const file = join(dir, `${index}.out`)
      if (!existsSync(file)) return []
      const printed = readFileSync(file, 'utf8')
      const ended = existsSync(join(dir, `${index}.status`)) ? Number(readFileSync(join(dir, `${index}.status`), 'utf8')) : -1
      const where = `${path}:${line}: ${command}`
      if (ended !== status) return [`${where}: status ${ended === -1 ? 'other than 0' : ended}: ${printed}${stderr}`]
      return output === undefined || matchesOutput(printed, output) ? [] : [`${where}: printed\n${printed}`]
    })
  })
}
