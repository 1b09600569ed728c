// The changes to a copy of the reference plugins' sources.

import { describe, expect, it } from 'vitest'
import { reportFile, shareBus, swapPlugin } from './edits.ts'

const plugin = {
  name: 'ptp.go',
  text: `package main

func cmdAdd(args *skel.CmdArgs) error {
	return cmdDel(args)
}

func cmdDel(_ *skel.CmdArgs) error {
	return nil
}

func main() {
	skel.PluginMainFuncs(skel.CNIFuncs{Add: cmdAdd})
}
`,
}

describe('swapPlugin', () => {
  it('gives the names of the verbs and of main to calls of our program', () => {
    const [theirs, ours] = swapPlugin('ptp', 'example.org/plugins', [
      plugin,
      { name: 'ptp_test.go', text: 'func cmdAdd(args *skel.CmdArgs) error {' },
    ])
    expect(theirs?.text).toContain('func theirCmdAdd(args *skel.CmdArgs) error {\n\treturn cmdDel(args)')
    expect(theirs?.text).toContain('func theirMain() {')
    expect(ours).toMatchObject({ name: 'podwire_swap.go' })
    expect(ours?.text).toContain('"example.org/plugins/pkg/podwire"')
    expect(ours?.text).toContain(
      'func cmdDel(args *skel.CmdArgs) error {\n\tif podwire.Theirs() {\n\t\treturn theirCmdDel(args)\n\t}\n\treturn podwire.Call("ptp", "DEL", args)',
    )
    expect(ours?.text).toContain('podwire.Main("ptp")')
  })

  it('changes nothing in a package that is no plugin', () => {
    expect(swapPlugin('libcni', 'example.org/cni', [{ name: 'api.go', text: 'package libcni\n' }])).toEqual([])
  })
})

describe('reportFile', () => {
  it.each([
    ['package main', 'package main_test'],
    ['package libcni_test', 'package libcni_test'],
  ])('is a part of the tests of %s', (clause, expected) => {
    expect(reportFile('package main_test\n', [{ name: 'x_suite_test.go', text: `// a\n${clause}\n` }]).text).toBe(`${expected}\n`)
  })

  it('throws where there are no tests', () => {
    expect(() => reportFile('package main_test\n', [plugin])).toThrow('_suite_test.go')
  })
})

it('shareBus throws when the test is not as we know it', () => {
  expect(() => shareBus(plugin, 'example.org/plugins')).toThrow('expected "return busAddr, cmd" once')
})
