// The daemons of a box, driven from outside: how one is restarted or stopped, and what says that it answers.

import type { Daemon } from '../driver.ts'

// `service` of machine.sh starts what ended, and keeps the number of what runs. Both take its name.
export const restartScript = `
old=$(cat "/run/services/$1")
kill "$old"
tries=0
until [ -e "/run/services/$1" ] && [ "$(cat "/run/services/$1")" != "$old" ]; do
  sleep 0.1
  tries=$((tries + 1))
  [ "$tries" -lt 200 ]
done`
// Without a farewell: the API server would take up to a minute over it.
export const stopScript = `
touch "/run/stopped/$1"
kill -9 "$(cat "/run/services/$1")"
while [ -e "/run/services/$1" ]; do sleep 0.1; done`
const curl = (port: number) => ['curl', '-sSf', '-o', '/dev/null', '-m', '2', `http://127.0.0.1:${port}/healthz`]
export const probes = { proxy: curl(10249), kubelet: curl(10248) } as const
export const probeOf = (ctr: string): Readonly<Record<Daemon, readonly string[]>> => ({
  containerd: [ctr, 'version'],
  kubelet: probes.kubelet,
  'kube-proxy': probes.proxy,
})
