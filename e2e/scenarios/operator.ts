// What an operator looks at: the commands in the agent's pod, helm's test, metrics in a real Prometheus.

import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { succeeded } from '../command.ts'
import { ensureDns } from '../dns.ts'
import { on } from '../kubernetes.ts'
import { createPod, fetchOutside, urlOf } from '../pods.ts'
import { chart, namespace as ours, podCidrsOf, podwireOn, release } from '../podwire.ts'
import { eventually, type Scenario, Skip } from '../scenario.ts'

const file = (path: string) => fileURLToPath(new URL(path, import.meta.url))

export const scenario: Scenario = {
  clusters: [{}],
  checks: {
    async 'podwire verify finds nothing wrong on any node'(cluster) {
      for (const node of on(cluster)) await eventually(10, () => podwireOn(cluster, node, 'verify'))
    },
    async 'podwire status and podwire pods list what is on the node'(cluster, namespace) {
      for (const node of on(cluster)) {
        const pod = await createPod(cluster, namespace, `shown-${node}`, { node })
        const status = await podwireOn(cluster, node, 'status')
        for (const cidr of await podCidrsOf(cluster, node)) assert.ok(status.includes(cidr), `${cidr} is not in ${status}`)
        const pods = await podwireOn(cluster, node, 'pods')
        assert.ok(pods.includes(pod.name) && pods.includes(pod.ips[0] ?? '-'), pods)
        JSON.parse(await podwireOn(cluster, node, 'status', '-o', 'json'))
      }
    },
    async 'helm test passes, and a pod resolves a name'(cluster) {
      await ensureDns(cluster)
      const upgrade = [
        'upgrade',
        release,
        chart,
        '-n',
        ours,
        '--reuse-values',
        '--set',
        'tests.dnsName=kubernetes.default.svc.cluster.local',
      ]
      succeeded(await cluster.helm(upgrade), 'helm upgrade')
      succeeded(await cluster.helm(['test', release, '-n', ours, '--timeout', '2m', '--logs'], { timeout: 150_000 }), 'helm test')
    },
    async 'every agent serves health, readiness and every documented metric'(cluster) {
      const names = documentedMetrics()
      for (const node of on(cluster)) {
        const [address = ''] = cluster.addresses(node)
        const agent = urlOf(address, 9465)
        await fetchOutside(cluster, `${agent}healthz`)
        await fetchOutside(cluster, `${agent}readyz`)
        const served = await fetchOutside(cluster, `${agent}metrics`)
        for (const name of names) assert.ok(served.includes(`# TYPE ${name} `), `${node} does not serve ${name}`)
      }
    },
    async "Debian's Prometheus scrapes every agent"(cluster) {
      const program = prometheus()
      const folder = mkdtempSync(join(tmpdir(), 'podwire-prometheus-'))
      const targets = on(cluster).map((node) => urlOf(cluster.addresses(node)[0] ?? '', 9465).slice('http://'.length, -1))
      const config = { global: { scrape_interval: '1s' }, scrape_configs: [{ job_name: 'podwire', static_configs: [{ targets }] }] }
      writeFileSync(join(folder, 'config.yml'), JSON.stringify(config))
      const listen = '127.0.0.1:9909'
      const server = cluster.startOutside([
        program,
        `--config.file=${folder}/config.yml`,
        `--storage.tsdb.path=${folder}/data`,
        `--web.listen-address=${listen}`,
      ])
      try {
        await eventually(20, async () => {
          const { data } = JSON.parse(await fetchOutside(cluster, `http://${listen}/api/v1/query?query=up`))
          const up = data.result.filter(({ value }: { readonly value: readonly [number, string] }) => value[1] === '1')
          assert.equal(up.length, targets.length)
        })
        const { data } = JSON.parse(await fetchOutside(cluster, `http://${listen}/api/v1/label/__name__/values`))
        assert.ok(data.some((name: string) => name.startsWith('podwire_')))
      } finally {
        await server.kill()
        rmSync(folder, { recursive: true, force: true })
      }
    },
  },
}

/** The names in the page's tables: `podwire_…` at the beginning of a row. */
function documentedMetrics(): string[] {
  const page = file('../../docs/metrics.md')
  if (!existsSync(page)) throw new Skip('there is no docs/metrics.md')
  const names = [...readFileSync(page, 'utf8').matchAll(/^\| `(podwire_[a-z0-9_]+)/gm)].map(([, name]) => name ?? '')
  assert.ok(names.length > 5, 'docs/metrics.md names no metrics')
  return [...new Set(names)]
}

function prometheus(): string {
  const { status, stdout, stderr } = spawnSync('sh', [file('../cluster/prometheus.sh')], { encoding: 'utf8' })
  if (status !== 0) throw new Skip(`no Prometheus to be had: ${stderr.trim().split('\n').at(-1)}`)
  return stdout.trim()
}
