// What the chart's hooks run: `podwire-hook uninstall PLAN`, `podwire-hook connectivity PLAN`, `podwire-hook serve PORT`. PLAN is a JSON file that the chart writes.

import { readFileSync } from 'node:fs'
import { requester } from '../agent/kube/request.ts'
import { type ConnectivityPlan, checkConnectivity, serve } from './connectivity.ts'
import { type UninstallPlan, uninstallEverywhere } from './uninstall.ts'

// The address comes from the environment, where the chart puts kubeApi.host.
const request = requester({ kubeconfig: '', host: '', port: 0, pageSize: 500, idleTimeout: 150 })
const [verb, argument = ''] = process.argv.slice(2)

try {
  process.exitCode = await run()
} catch (error) {
  console.error(error instanceof Error ? error.message : error)
  process.exitCode = 1
}

async function run(): Promise<number> {
  if (verb === 'uninstall') return uninstall(plan<UninstallPlan>())
  if (verb === 'connectivity') return connectivity(plan<ConnectivityPlan>())
  if (verb === 'serve') {
    // As process 1 it gets no default action for signals.
    process.on('SIGTERM', () => process.exit(0))
    serve(Number(argument), process.env.NODE_NAME ?? '')
    return 0
  }
  console.error('podwire-hook: use uninstall PLAN, connectivity PLAN or serve PORT')
  return 2
}

async function uninstall(plan: UninstallPlan): Promise<number> {
  const owner = { name: process.env.POD_NAME ?? '', uid: process.env.POD_UID ?? '' }
  const outcomes = await uninstallEverywhere(request, plan, owner, ({ node, ok, message }) => {
    console.log(ok ? `ok   ${node}` : `FAIL ${node}: ${message}`)
  })
  const failed = outcomes.filter(({ ok }) => !ok)
  console.log(`${outcomes.length - failed.length} of ${outcomes.length} nodes are uninstalled`)
  if (failed.length > 0) console.log('to retry the failed nodes, run `helm uninstall` again; with --no-hooks they stay as they are')
  return failed.length > 0 ? 1 : 0
}

async function connectivity(plan: ConnectivityPlan): Promise<number> {
  const checks = await checkConnectivity(request, plan)
  for (const { name, ok, message } of checks) console.log(`${ok ? 'ok  ' : 'FAIL'} ${name}: ${message}`)
  const failed = checks.filter(({ ok }) => !ok).length
  console.log(`${checks.length - failed} passed, ${failed} failed`)
  return failed > 0 ? 1 : 0
}

/** The chart's template and the interfaces here are compared by test/chart/hooks.test.ts. */
function plan<T>(): T {
  return JSON.parse(readFileSync(argument, 'utf8')) as T
}
