// What docs/ipam.md asks of a server, one case each. A case throws what is wrong, or returns why it was skipped.

import { type Answer, type Attachment, type Client, leaseOf } from './client.ts'

export interface Kit {
  readonly client: Client
  /** A new attachment, released at the end of the run. */
  attachment(): Attachment
}

export interface Case {
  readonly name: string
  run(kit: Kit): Promise<string | undefined>
}

/** The most addresses that a run takes to find the end of a pool. */
const MAX_POOL = 300

const it = (name: string, body: (kit: Kit) => Promise<unknown>): Case => ({
  name,
  run: async (kit) => {
    const skipped = await body(kit)
    return typeof skipped === 'string' ? skipped : undefined
  },
})

export const cases: readonly Case[] = [
  it('status answers with version 1', async ({ client, attachment }) => {
    const { network } = attachment()
    const answer = await client.get(`/v1/status?network=${network}`)
    same(answer.status, 200, 'status')
    same(answer.json?.version, 1, 'version')
  }),
  it('allocate gives addresses with their lengths, as JSON of version 1', async ({ client, attachment }) => {
    const answer = await client.post('allocate', attachment())
    leaseOf(answer)
    same(answer.json?.version, 1, 'version')
    same(answer.type.split(';')[0], 'application/json', 'Content-Type')
  }),
  it('allocate gives the same addresses when it is repeated', async ({ client, attachment }) => {
    const one = attachment()
    same(leaseOf(await client.post('allocate', one)), leaseOf(await client.post('allocate', one)), 'addresses')
  }),
  it('allocate gives other addresses to another interface and to another container', async ({ client, attachment }) => {
    const one = attachment()
    const leases = [one, { ...attachment(), containerID: one.containerID, ifname: 'net1' }, attachment()].map((each) =>
      client.post('allocate', each),
    )
    const addresses = (await Promise.all(leases)).flatMap(leaseOf)
    same(new Set(addresses).size, addresses.length, 'different addresses')
    await client.post('release', { ...one, ifname: 'net1' })
  }),
  it('20 allocations at once, each of them twice, give no address to two', async ({ client, attachment }) => {
    const attachments = Array.from({ length: 20 }, attachment)
    const allocate = async (each: Attachment) => leaseOf(await client.post('allocate', each)).join(' ')
    const [first = [], second = []] = await Promise.all([attachments, attachments].map((list) => Promise.all(list.map(allocate))))
    same(first, second, 'addresses of the repeated calls')
    same(new Set(first).size, 20, 'different addresses')
  }),
  it('allocate ignores keys that it does not know', async ({ client, attachment }) => {
    leaseOf(await client.post('allocate', { ...attachment(), args: { K8S_POD_NAME: 'web' }, later: { version: 7 } }))
  }),
  it('a requested address is given, and is taken for the next', async ({ client, attachment }) => {
    const one = attachment()
    const [address = ''] = leaseOf(await client.post('allocate', one))
    await client.post('release', one)
    const ips = [address.split('/')[0]]
    if (!leaseOf(await client.post('allocate', { ...attachment(), ips })).includes(address))
      throw new Error(`${address} is not in the answer`)
    fails(await client.post('allocate', { ...attachment(), ips }), 409, 'taken')
  }),
  it('a requested address outside the pool is invalid', async ({ client, attachment }) => {
    fails(await client.post('allocate', { ...attachment(), ips: ['192.0.2.77'] }), 400, 'invalid')
  }),
  it('check gives the lease', async ({ client, attachment }) => {
    const one = attachment()
    same(leaseOf(await client.post('allocate', one)), leaseOf(await client.post('check', one)), 'addresses')
  }),
  it('check of an attachment without a lease is not-found', async ({ client, attachment }) => {
    fails(await client.post('check', attachment()), 404, 'not-found')
  }),
  it('release succeeds, once more, and for what was never there', async ({ client, attachment }) => {
    const one = attachment()
    leaseOf(await client.post('allocate', one))
    for (const each of [one, one, attachment()]) same((await client.post('release', each)).status, 200, 'status')
    fails(await client.post('check', one), 404, 'not-found')
  }),
  it('release leaves other interfaces of the container alone', async ({ client, attachment }) => {
    const one = attachment()
    const other = { ...one, ifname: 'net1' }
    for (const each of [one, other]) leaseOf(await client.post('allocate', each))
    await client.post('release', one)
    leaseOf(await client.post('check', other))
    await client.post('release', other)
  }),
  it('gc keeps what is valid and releases the rest', async ({ client, attachment }) => {
    const [living, stale] = [attachment(), attachment()]
    for (const each of [living, stale]) leaseOf(await client.post('allocate', each))
    const { network, ...valid } = living
    same((await client.post('gc', { network, valid: [valid] })).status, 200, 'status')
    leaseOf(await client.post('check', living))
    fails(await client.post('check', stale), 404, 'not-found')
  }),
  it('gc without a list releases nothing', async ({ client, attachment }) => {
    const one = attachment()
    leaseOf(await client.post('allocate', one))
    fails(await client.post('gc', { network: one.network }), 400, 'invalid')
    leaseOf(await client.post('check', one))
  }),
  it('gc of another network leaves this one alone', async ({ client, attachment }) => {
    const one = attachment()
    leaseOf(await client.post('allocate', one))
    await client.post('gc', { network: `${one.network}-other`, valid: [] })
    leaseOf(await client.post('check', one))
  }),
  ...['allocate', 'release', 'check', 'gc'].map((verb) =>
    it(`${verb} of another version is invalid`, async ({ client, attachment }) => {
      fails(await client.post(verb, { ...attachment(), valid: [], version: 2 }), 400, 'invalid')
    }),
  ),
  ...['network', 'containerID', 'ifname'].map((key) =>
    it(`allocate without ${key} is invalid`, async ({ client, attachment }) => {
      fails(await client.post('allocate', { ...attachment(), [key]: undefined }), 400, 'invalid')
    }),
  ),
  it('a request that is not JSON is invalid', async ({ client }) => {
    fails(await client.raw('POST', '/v1/allocate', '{"version":1,"netw'), 400, 'invalid')
  }),
  it('an unknown call is an error of the protocol', async ({ client }) => {
    const { status, json } = await client.post('no-such-call', {})
    same([status >= 400 && status < 500, json?.version, typeof json?.error?.code], [true, 1, 'string'], 'error')
  }),
  it('a request of 4 MiB does not end the server', async ({ client, attachment }) => {
    // It may be answered or cut off.
    await client.post('allocate', { ...attachment(), padding: 'x'.repeat(4 << 20) }).catch(() => {})
    same((await client.get(`/v1/status?network=${attachment().network}`)).status, 200, 'status')
  }),
  it('an allocation whose client hangs up can be released and repeated', async ({ client, attachment }) => {
    const one = attachment()
    await client.raw('POST', '/v1/allocate', JSON.stringify({ version: 1, ...one }), 1).catch(() => {})
    same((await client.post('release', one)).status, 200, 'status')
    leaseOf(await client.post('allocate', one))
  }),
  it('an exhausted pool is exhausted, and gives a released address again', async ({ client, attachment }) => {
    for (let i = 0; i < MAX_POOL; i++) {
      const last = attachment()
      const answer = await client.post('allocate', last)
      if (answer.status === 200) continue
      fails(answer, 409, 'exhausted')
      fails(await client.post('check', last), 404, 'not-found')
      return undefined
    }
    return `the pool has more than ${MAX_POOL} addresses`
  }),
]

function same(actual: unknown, expected: unknown, what: string): void {
  const [left, right] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (left !== right) throw new Error(`${what}: expected ${right}, got ${left}`)
}

function fails({ status, json }: Answer, expected: number, code: string): void {
  same([status, json?.version, json?.error?.code], [expected, 1, code], 'status, version and error.code')
  if (typeof json?.error?.message !== 'string' || json.error.message === '')
    throw new Error('error.message: expected a text that names the problem')
}
