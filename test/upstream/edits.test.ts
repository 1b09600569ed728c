// The changes to a copy of the reference plugins' sources.

import { describe, expect, it } from 'vitest'
import { loosenMessages, reportFile, shareBus, standInForDummy, swapPlugin } from './edits.ts'

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

describe('loosenMessages', () => {
  it('compares the texts of errors by podwire’s function, which is imported once', () => {
    const source = { name: 'x_test.go', text: 'import (\n\t"fmt"\n)\nExpect(err).To(MatchError("a"))\nExpect(err).To(MatchError("b"))\n' }
    const { text } = loosenMessages(source, 'example.org/plugins')
    expect(text).toBe(
      'import (\n\t"example.org/plugins/pkg/podwire"\n\t"fmt"\n)\nExpect(err).To(podwire.MatchError("a"))\nExpect(err).To(podwire.MatchError("b"))\n',
    )
    expect(
      loosenMessages({ name: 'x_test.go', text: `${text}Expect(e).To(MatchError(f))` }, 'example.org/plugins').text.split('pkg/podwire'),
    ).toHaveLength(2)
  })

  it('leaves a file alone that compares no error texts', () => {
    expect(loosenMessages(plugin, 'example.org/plugins')).toBe(plugin)
  })
})

it('standInForDummy makes bridges of dummy links', () => {
  const { text } = standInForDummy({ name: 'x_test.go', text: 'netlink.LinkAdd(&netlink.Dummy{LinkAttrs: a})' })
  expect(text).toBe('netlink.LinkAdd(&netlink.Bridge{LinkAttrs: a})')
})
