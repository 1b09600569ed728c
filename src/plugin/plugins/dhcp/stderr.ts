// What the daemon reports: a line each on stderr, where systemd and `kubectl logs` read it.

import { sys } from '../../../host/sys.ts'

const STDERR = 2

export function report(text: string): void {
  sys.write(STDERR, `dhcp: ${text}\n`)
}
