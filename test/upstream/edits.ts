// What is changed in the copy of a package so that its tests reach our programs; text in, text out.

export interface Source {
  readonly name: string
  readonly text: string
}

// What the reference plugins hand to the skeleton: `func cmdAdd(args *skel.CmdArgs) error {`
const verb = /^func cmd(Add|Del|Check|GC|Status)\(\w+ \*skel\.CmdArgs\) error \{$/gm
const main = /^func main\(\) \{$/m

/** The package's files, changed and new: its verbs and its `main` call `plugin` through pkg/podwire, its own go by another name. Empty where it has none. */
export function swapPlugin(plugin: string, modulePath: string, sources: readonly Source[]): Source[] {
  const code = sources.filter(({ name }) => name.endsWith('.go') && !name.endsWith('_test.go') && !name.includes('windows'))
  const verbs = code.flatMap(({ text }) => [...text.matchAll(verb)].map(([, name = '']) => name))
  const changed = code
    .map(({ name, text }) => ({
      name,
      text: text.replace(verb, (line) => line.replace('func cmd', 'func theirCmd')).replace(main, 'func theirMain() {'),
    }))
    .filter(({ text }, i) => text !== code[i]?.text)
  return changed.length === 0 ? [] : [...changed, { name: 'podwire_swap.go', text: swap(plugin, modulePath, verbs) }]
}

/** The file that reports, as a part of the package's tests. */
export function reportFile(template: string, sources: readonly Source[]): Source {
  const tests = sources.find(({ name }) => name.endsWith('_suite_test.go'))
  const name = tests && /^package (\w+)$/m.exec(tests.text)?.[1]
  if (!name) throw new Error('no _suite_test.go with a package clause')
  return { name: 'podwire_report_test.go', text: template.replace('package main_test', `package ${name.replace(/_test$/, '')}_test`) }
}

/** Where the kernel knows no dummy links, tests that only want any link get a bridge without ports. */
export const standInForDummy = (source: Source): Source => ({
  ...source,
  text: source.text.replaceAll('netlink.Dummy{', 'netlink.Bridge{'),
})

/** Compares the text of an error by what it contains, and notes where it is not the same (go/match.go). */
export function loosenMessages(source: Source, modulePath: string): Source {
  const text = source.text.replace(/\bMatchError\(/g, 'podwire.MatchError(')
  return text === source.text ? source : { ...source, text: withPodwire(text, modulePath) }
}

/** Starts our programs on the message bus that firewalld's tests make for themselves, instead of handing them a connection to it. */
export function shareBus(source: Source, modulePath: string): Source {
  const text = replaceOnce(source.text, 'return busAddr, cmd', 'podwire.SystemBus(busAddr)\n\treturn busAddr, cmd')
  return { ...source, text: withPodwire(text, modulePath) }
}

function withPodwire(text: string, modulePath: string): string {
  const line = `\t"${modulePath}/pkg/podwire"`
  return text.includes(line) ? text : replaceOnce(text, 'import (', `import (\n${line}`)
}

function replaceOnce(text: string, from: string, to: string): string {
  if (text.split(from).length !== 2) throw new Error(`expected ${JSON.stringify(from)} once`)
  return text.replace(from, () => to)
}

function swap(plugin: string, modulePath: string, verbs: readonly string[]): string {
  const skel = 'github.com/containernetworking/cni/pkg/skel'
  const imports = [...(verbs.length > 0 ? [skel] : []), `${modulePath}/pkg/podwire`]
  return `package main

import (
${imports.map((path) => `\t"${path}"`).join('\n')}
)

func main() {
	if podwire.Theirs() {
		theirMain()
		return
	}
	podwire.Main("${plugin}")
}
${verbs
  .map(
    (name) => `
func cmd${name}(args *skel.CmdArgs) error {
	if podwire.Theirs() {
		return theirCmd${name}(args)
	}
	return podwire.Call("${plugin}", "${name.toUpperCase()}", args)
}
`,
  )
  .join('')}`
}
