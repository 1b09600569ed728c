// The firewalld backend: each address becomes a source of a zone, as the reference plugin has it. D-Bus is spoken by a program of the host.

import { CniError, ErrInternal, ErrTryAgainLater, ErrUnsupportedField } from '../../../cni/error.ts'
import { type Exit, sys } from '../../../host/sys.ts'
import { type Address, formatAddress } from '../../../net/address.ts'
import { addressBits } from '../../../net/cidr.ts'
import { findProgram } from '../../netfilter/iptables-command.ts'

const NAME = 'org.fedoraproject.FirewallD1'
const PATH = '/org/fedoraproject/FirewallD1'
/** Milliseconds; firewalld may be reloading. */
const TIMEOUT = 10_000

/** True where firewalld is installed and owns its name on the system's bus. */
export function isFirewalldRunning(): boolean {
  if (!findProgram('firewalld') || !findProgram('dbus-send')) return false
  const exit = send('org.freedesktop.DBus', '/org/freedesktop/DBus', 'org.freedesktop.DBus.GetNameOwner', [`string:${NAME}`])
  return exit.status === 0
}

export function addSources(zone: string, addresses: readonly Address[]): void {
  for (const address of addresses) {
    const { status, stderr } = callZone('addSource', zone, address)
    if (status === 0 || stderr.includes('ZONE_ALREADY_SET')) continue
    throw new CniError(ErrInternal, `failed to add the address ${sourceOf(address)} to ${zone} zone: ${stderr.trim()}`)
  }
}

/** What is not there any more is fine, as is a firewalld that is not there any more. */
export function removeSources(zone: string, addresses: readonly Address[]): void {
  for (const address of addresses) callZone('removeSource', zone, address)
}

export function checkSources(zone: string, addresses: readonly Address[]): void {
  for (const address of addresses) {
    const { status, stdout } = callZone('querySource', zone, address)
    if (status === 0 && stdout.includes('boolean true')) continue
    throw new CniError(ErrInternal, `failed to find the address ${sourceOf(address)} in ${zone} zone`)
  }
}

function callZone(method: string, zone: string, address: Address): Exit {
  return send(NAME, PATH, `${NAME}.zone.${method}`, [`string:${zone}`, `string:${sourceOf(address)}`])
}

function send(destination: string, path: string, method: string, values: readonly string[]): Exit {
  const file = findProgram('dbus-send')
  if (!file)
    throw new CniError(ErrUnsupportedField, 'backend: "firewalld" needs dbus-send in PATH: install dbus, or choose another backend')
  const args = [file, '--system', '--print-reply', `--reply-timeout=${TIMEOUT}`, `--dest=${destination}`, path, method, ...values]
  const exit = sys.spawn({ file, args, env: sys.environ(), stdin: '', captureStderr: true, timeout: 2 * TIMEOUT })
  if (exit.timedOut) throw new CniError(ErrTryAgainLater, `firewalld did not answer ${method} within ${(2 * TIMEOUT) / 1000} s`)
  return exit
}

function sourceOf(address: Address): string {
  return `${formatAddress(address)}/${addressBits(address)}`
}
