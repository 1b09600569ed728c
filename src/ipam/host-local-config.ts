// The options of `host-local`, read once into what the verbs need.

import type { ConfigContext } from '../cni/plugin.ts'
import type { Reader } from '../cni/reader.ts'
import { readWantedRoute } from '../cni/routes-and-dns.ts'
import { cniVersions, type Route } from '../cni/types.ts'
import { type Address, parseAddress, unmapped } from '../net/address.ts'
import { type Range, type RangeSet, rangeSetProblems, readRange } from './range.ts'

export interface HostLocalConfig {
  readonly dataDir: string
  /** One address each. Not read for DEL and GC: a lease has to go whatever became of the ranges. */
  readonly sets: readonly RangeSet[]
  /** Requested addresses: those of `args.cni.ips`, without any the one of CNI_ARGS, then those of `runtimeConfig.ips`. */
  readonly requested: readonly Address[]
  readonly routes: readonly Route[]
  /** Path of a resolv.conf for the result's `dns`, '' for none. */
  readonly resolvConf: string
  /** False where STATUS succeeds although no address can be allocated. */
  readonly checkStatus: boolean
}

export function readHostLocalConfig(reader: Reader, context: ConfigContext): HostLocalConfig {
  if (!reader.has('ipam')) reader.issue('ipam', "IPAM config missing 'ipam' key")
  const dataDir = reader.object('ipam', (ipam) => ipam.string('dataDir')) || '/var/lib/cni/networks'
  const unread = { sets: [], requested: [], routes: [], resolvConf: '', checkStatus: true }
  if (context.command === 'DEL' || context.command === 'GC') return { dataDir, ...unread }
  return {
    dataDir,
    sets: readSets(reader, context),
    requested: readRequested(reader, context),
    routes: reader.object('ipam', (ipam) => ipam.objects('routes', readWantedRoute)) ?? [],
    resolvConf: reader.object('ipam', (ipam) => ipam.string('resolvConf')) ?? '',
    checkStatus: reader.object('ipam', (ipam) => ipam.boolean('checkStatus')) ?? true,
  }
}

/** The runtime's ranges come first, then the legacy single one, then `ranges`: that is also how the sets are numbered. */
function readSets(reader: Reader, context: ConfigContext): RangeSet[] {
  const runtime = reader.object('runtimeConfig', (given) => given.lists('ipRanges', readEntry)) ?? []
  const single = reader.object('ipam', (ipam) => (ipam.has('subnet') ? [[readEntry(ipam)]] : [])) ?? []
  const own = reader.object('ipam', (ipam) => ipam.lists('ranges', readEntry)) ?? []
  const sets = [...runtime, ...single, ...own].map((set) => set.map(({ range }) => range))
  if (sets.length === 0 && reader.has('ipam') && !rangesComeWithAdd(reader, context)) reader.issue('ipam', 'no IP ranges specified')
  for (const problem of rangeSetProblems(sets)) reader.issue('ipam', problem)
  const readable = sets.map((set) => set.filter((range) => range !== undefined))
  requireRoom(
    readable.flatMap(([first]) => first?.start ?? []),
    reader,
    context,
  )
  return readable
}

/** What STATUS cannot know: libcni passes it no runtimeConfig, so the ranges of a network that has them from there (capability `ipRanges`) come with ADD. */
export function rangesComeWithAdd(reader: Reader, { command }: Pick<ConfigContext, 'command'>): boolean {
  if (command !== 'STATUS') return false
  const isGiven = reader.object('runtimeConfig', (given) => given.value('ipRanges')) !== undefined
  return !isGiven && reader.object('capabilities', (capabilities) => capabilities.boolean('ipRanges')) === true
}

/** Wrapped, so that a range which cannot be read still takes its place in the set. */
function readEntry(reader: Reader): { readonly range: Range | undefined } {
  return { range: readRange(reader) }
}

/** Results of 0.1.0 and 0.2.0 have one address a family. */
export function requireRoom(addresses: readonly Address[], reader: Reader, { cniVersion }: ConfigContext): void {
  if (cniVersions.indexOf(cniVersion) >= cniVersions.indexOf('0.3.0')) return
  const tooMany = ([4, 6] as const).some((family) => addresses.filter((address) => address.family === family).length > 1)
  if (tooMany) reader.issue('ipam', `CNI version ${cniVersion} does not support more than 1 address per family`)
}

/** The addresses that this call requests, by every convention. */
export function readRequested(reader: Reader, context: ConfigContext): Address[] {
  const requested: Address[] = []
  const inArgs = reader.object('args', (args) => args.object('cni', (cni) => ({ cni, ips: cni.strings('ips') ?? [] })))
  if (inArgs && inArgs.ips.length > 0) requested.push(...parseRequested(inArgs.ips, (problem) => inArgs.cni.issue('ips', problem)))
  // CONVENTIONS.md, "CNI_ARGS": a plugin that finds the same in `args` must ignore the variable.
  else {
    const fromArgs = context.args().get('IP')
    if (fromArgs) requested.push(...parseRequested([fromArgs], (problem) => reader.issue('CNI_ARGS', `IP: ${problem}`)))
  }
  reader.object('runtimeConfig', (given) => {
    requested.push(...parseRequested(given.strings('ips') ?? [], (problem) => given.issue('ips', problem)))
  })
  return requested
}

/** A prefix length may follow and means nothing: the subnet of the range counts. */
function parseRequested(texts: readonly string[], issue: (problem: string) => void): Address[] {
  return texts.flatMap((text) => {
    try {
      return text === '' ? [] : [unmapped(parseAddress(text.split('/')[0] ?? ''))]
    } catch {
      issue(`expected an IP address, got ${JSON.stringify(text)}`)
      return []
    }
  })
}
