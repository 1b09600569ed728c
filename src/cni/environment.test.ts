import { describe, expect, it } from 'vitest'
import { checkNetworkName, commands, interfaceNameProblem, readEnvironment } from './environment.ts'

const full = {
  CNI_CONTAINERID: 'c1',
  CNI_NETNS: '/var/run/netns/x',
  CNI_IFNAME: 'eth0',
  CNI_ARGS: 'IP=10.1.0.5',
  CNI_PATH: '/opt/cni/bin:/usr/lib/cni',
}
const read = (variables: Readonly<Record<string, string>>) => readEnvironment((name) => variables[name])

describe('readEnvironment', () => {
  it.each(commands)('reads the variables that are set when the verb is %s', (command) => {
    expect(read({ ...full, CNI_COMMAND: command })).toEqual({
      command,
      containerId: 'c1',
      netns: '/var/run/netns/x',
      ifname: 'eth0',
      args: 'IP=10.1.0.5',
      path: '/opt/cni/bin:/usr/lib/cni',
    })
  })

  it.each([
    ['ADD', 'CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH'],
    ['CHECK', 'CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME,CNI_PATH'],
    ['DEL', 'CNI_CONTAINERID,CNI_IFNAME,CNI_PATH'],
    ['GC', 'CNI_PATH'],
    ['STATUS', 'CNI_PATH'],
  ])('reports all variables that %s lacks at once', (command, names) => {
    const error = expect.objectContaining({ code: 4, message: `required env variables [${names}] missing` })
    expect(() => read({ CNI_COMMAND: command })).toThrow(error)
    const empty = Object.fromEntries(Object.keys(full).map((name) => [name, '']))
    expect(() => read({ ...empty, CNI_COMMAND: command })).toThrow(error)
  })

  it.each(['VERSION', 'DEL'])('needs no CNI_NETNS for %s', (command) => {
    expect(read({ ...full, CNI_NETNS: '', CNI_COMMAND: command }).netns).toBe('')
  })

  it('reports one missing variable alone', () => {
    expect(() => read({ ...full, CNI_IFNAME: '', CNI_COMMAND: 'ADD' })).toThrow('required env variables [CNI_IFNAME] missing')
  })

  it.each(['FOO', 'add', 'ADD ', 'VERSIONS'])('rejects the command %j', (command) => {
    const error = expect.objectContaining({ code: 4, message: `unknown CNI_COMMAND: ${command}` })
    expect(() => read({ CNI_COMMAND: command })).toThrow(error)
  })

  it.each(['-a', '.a', '_a', 'a/b', 'a b', 'a:b', 'ä', '..', 'a\n', 'a\0'])('rejects the container id %j', (id) => {
    const error = expect.objectContaining({ code: 4, message: 'invalid characters in containerID', details: id })
    expect(() => read({ ...full, CNI_CONTAINERID: id, CNI_COMMAND: 'ADD' })).toThrow(error)
  })

  it.each(['a', '1', 'a.b_c-d', 'A'.repeat(300)])('takes the container id %j', (id) => {
    expect(read({ ...full, CNI_CONTAINERID: id, CNI_COMMAND: 'ADD' }).containerId).toBe(id)
  })

  it('does not look at what the verb does not require', () => {
    expect(read({ ...full, CNI_CONTAINERID: '../x', CNI_IFNAME: 'a/b', CNI_COMMAND: 'GC' }).command).toBe('GC')
  })

  it('rejects a bad interface name', () => {
    const error = expect.objectContaining({
      code: 4,
      message: 'interface name is too long',
      details: expect.stringContaining('CNI_IFNAME'),
    })
    expect(() => read({ ...full, CNI_IFNAME: 'x'.repeat(16), CNI_COMMAND: 'DEL' })).toThrow(error)
  })
})

describe('interfaceNameProblem', () => {
  it.each(['eth0', 'a', 'x'.repeat(15), 'net1.100', 'ééééééé', '...', '世界世界世'])('takes %j', (name) => {
    expect(interfaceNameProblem(name)).toBeUndefined()
  })

  it.each([
    ['', 'interface name is empty'],
    ['x'.repeat(16), 'interface name is too long'],
    ['éééééééé', 'interface name is too long'],
    ['🚀🚀🚀🚀', 'interface name is too long'],
    ['.', 'interface name is . or ..'],
    ['..', 'interface name is . or ..'],
    ['eth%d', 'interface name contains a percent sign'],
    ['a\0b', 'interface name contains a NUL character'],
    ['a/b', 'interface name contains / or : or whitespace characters'],
    ['a:1', 'interface name contains / or : or whitespace characters'],
    ['a b', 'interface name contains / or : or whitespace characters'],
    ['a\tb', 'interface name contains / or : or whitespace characters'],
    ['a\u0085', 'interface name contains / or : or whitespace characters'],
    ['a\u00a0', 'interface name contains / or : or whitespace characters'],
    ['\u2003a', 'interface name contains / or : or whitespace characters'],
  ])('rejects %j', (name, problem) => {
    expect(interfaceNameProblem(name)).toBe(problem)
  })
})

describe('checkNetworkName', () => {
  it.each(['mybridge', 'a.b_c-d', '0'])('takes %j', (name) => {
    expect(checkNetworkName(name)).toBeUndefined()
  })

  it.each([
    ['', 'missing network name', ''],
    ['../etc', 'invalid characters found in network name', '../etc'],
    ['a/b', 'invalid characters found in network name', 'a/b'],
    ['a b', 'invalid characters found in network name', 'a b'],
  ])('rejects %j', (name, message, details) => {
    expect(() => checkNetworkName(name)).toThrow(expect.objectContaining({ code: 7, message, details }))
  })
})
