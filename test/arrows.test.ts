import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeEach, describe, expect, it } from 'vitest'
import { checkArrows } from '../build/arrows.ts'

const repository = fileURLToPath(new URL('..', import.meta.url))
let root = ''
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'podwire-arrows-'))
  return () => rmSync(root, { recursive: true })
})

const write = (file: string, text: string) => {
  mkdirSync(dirname(join(root, file)), { recursive: true })
  writeFileSync(join(root, file), text)
}
const findings = (file: string, text: string) => {
  write(file, text)
  return checkArrows(root).map(({ place, problem, warning }) => `${place} ${warning ? 'warning ' : ''}${problem}`)
}
const regex = 'a regular expression: the native program has none'

describe('the arrows check', () => {
  it.each([
    ['src/net/a.ts', "import { b } from '../kernel/b.ts'", 'src/net/a.ts:1 net may not import from kernel (may: nothing)'],
    ['src/host/a.ts', "\n\nimport { b } from '../net/b.ts'", 'src/host/a.ts:3 host may not import from net (may: nothing)'],
    ['src/kernel/a.ts', "import type { B } from '../cni/b.ts'", 'src/kernel/a.ts:1 kernel may not import from cni (may: net host)'],
    [
      'src/kernel/deep/a.ts',
      "import {\n  b,\n} from '../../ipam/b.ts'",
      'src/kernel/deep/a.ts:3 kernel may not import from ipam (may: net host)',
    ],
    ['src/cni/a.ts', "export * from '../plugin/b.ts'", 'src/cni/a.ts:1 cni may not import from plugin (may: net host)'],
    ['src/ipam/a.ts', 'import "../kernel/b.ts"', 'src/ipam/a.ts:1 ipam may not import from kernel (may: contract net host cni)'],
    [
      'src/ipam/a.ts',
      "type B = import('../kernel/b.ts').B",
      'src/ipam/a.ts:1 ipam may not import from kernel (may: contract net host cni)',
    ],
    [
      'src/agent/a.ts',
      "import { b } from '../node/apply.ts'",
      'src/agent/a.ts:1 agent may not import from node (may: contract net cni node/plan node/state agent)',
    ],
    ['src/node/plan.ts', "import { b } from './apply.ts'", 'src/node/plan.ts:1 plan is pure and may not import apply'],
    [
      'src/plugin/plugins/ptp/a.ts',
      "import { b } from '../podwire/b.ts'",
      'src/plugin/plugins/ptp/a.ts:1 plugin/plugins/ptp may not import from plugin/plugins/podwire (may: contract net host cni kernel ipam liveness plugin/pod plugin/link plugin/netfilter plugin/shaping plugin/masquerade plugin/host-ports plugin/version)',
    ],
    [
      'src/plugin/netfilter/a.ts',
      "import { b } from '../link/b.ts'",
      'src/plugin/netfilter/a.ts:1 plugin/netfilter may not import from plugin/link (may: contract net host cni kernel ipam)',
    ],
    [
      'src/agent/kube/a.ts',
      "import { b } from '../nodes/b.ts'",
      'src/agent/kube/a.ts:1 agent/kube may not import from agent/nodes (may: cni agent/loop)',
    ],
    [
      'src/node/a.ts',
      "// RTM_NEWLINK\nexport const a = [RTM_GETLINK, 'IFA_LOCAL']",
      'src/node/a.ts:2 RTM_GETLINK outside src/kernel: encode or decode it there',
    ],
    ['src/net/a.ts', "import fs from 'node:fs'", 'src/net/a.ts:1 net has no packages: node:fs'],
    ['src/net/a.ts', "import { b } from './b'", 'src/net/a.ts:1 the import of ./b lacks its .ts'],
    ['src/net/a.ts', "import { b } from '../../test/b.ts'", 'src/net/a.ts:1 an import from outside src: ../../test/b.ts'],
    ['src/net/a.ts', "import { b } from './b.test.ts'", 'src/net/a.ts:1 an import of a test: ./b.test.ts'],
    ['src/utils/a.ts', '', 'src/utils/a.ts:1 utils is not a room: add it to build/rooms.ts with what it may import'],
    ['src/kernel/a.ts', 'const { open } = __sys', 'src/kernel/a.ts:1 only src/host/sys.ts may use __sys'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a source that has one
    ['src/kernel/a.ts', 'const x = `${`a` + __sys.argv}`', 'src/kernel/a.ts:1 only src/host/sys.ts may use __sys'],
    ['src/net/a.ts', '\nconst r = /[/]x/g', `src/net/a.ts:2 ${regex}`],
    ['src/net/a.ts', 'const f = (s: string) => { return /x/.test(s) }', `src/net/a.ts:1 ${regex}`],
    ['src/net/a.ts', "const r = new RegExp('x')", `src/net/a.ts:1 ${regex}`],
  ])('names the line when %s has %j', (file, text, finding) => {
    expect(findings(file, text)).toEqual([finding])
  })

  it.each([
    ['src/plugin/link/a.ts', "import { b } from '../../kernel/route/b.ts'\nimport { c } from '../pod/c.ts'"],
    ['src/agent/a.ts', "import { b } from '../node/plan.ts'\nimport pino from 'pino'\nconst r = /x/"],
    ['src/host/sys.ts', 'declare const __sys: object'],
    ['src/net/a.ts', "// from '../cni/x.ts' and __sys\n/* /x/ */ const s = \"from '../cni/x.ts' __sys /x/\""],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is a source that has one
    ['src/net/a.ts', 'const half = (a: number, b: number) => (a + 1) / 2 / b\nconst t = `${half(1, 2) / 2} __sys /x/ ${{ a: 1 }.a / 2}`'],
    ['src/net/a.test.ts', "import { b } from '../kernel/b.ts'\nconst r = /x/"],
  ])('passes %s with %j', (file, text) => {
    expect(findings(file, text)).toEqual([])
  })

  it.each(['src/net', 'e2e'])('names every file of a circle in %s, also when only types close it', (folder) => {
    write(`${folder}/a.ts`, "import { b } from './b.ts'")
    write(`${folder}/b.ts`, "import { c } from './c.ts'")
    const last = "import type { A } from './a.ts'"
    expect(findings(`${folder}/c.ts`, last)).toEqual([
      `${folder}/a.ts:1 a circle of imports: ${['a.ts', 'b.ts', 'c.ts'].map((name) => (folder === 'e2e' ? name : `net/${name}`)).join(' ')}`,
    ])
    expect(findings(`${folder}/c.ts`, '')).toEqual([])
  })

  it('only warns of a long file', () => {
    expect(findings('src/net/a.ts', 'x\n'.repeat(251))).toEqual(['src/net/a.ts:250 warning 251 lines: is it still about one thing?'])
  })

  it.each([
    ['1', "import { b } from '../cni/b.ts'"],
    ['0', 'x\n'.repeat(300)],
  ])('ends with %s as a program when a file has %j', (status, text) => {
    write('src/net/a.ts', text)
    const ended = spawnSync(process.execPath, [join(repository, 'build/arrows.ts'), root], { encoding: 'utf8' })
    expect(ended.stderr).toMatch(/^src\/net\/a\.ts:\d+: /)
    expect(ended.status).toBe(Number(status))
  })
})
