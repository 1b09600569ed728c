// The interface of a masquerade backend.

import type { Attachment, IpConfig, ValidAttachment } from '../../cni/types.ts'

/** Per-pod masquerading. `remove` and `gc` clean both backends: the configuration may have changed since ADD. */
export interface Masquerade {
  add(attachment: Attachment, ips: readonly IpConfig[]): void
  remove(attachment: Attachment): void
  /** Removes what belongs to `network` and to no attachment in `valid`. */
  gc(network: string, valid: readonly ValidAttachment[]): void
  /** Throws a CniError where a rule is missing. */
  check(attachment: Attachment, ips: readonly IpConfig[]): void
}
