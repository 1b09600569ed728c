// macspoofchk: frames that come from a pod under another source address than its own are dropped.

import type { Attachment, ValidAttachment } from '../cni/types.ts'
import type { Mac } from '../net/mac.ts'

export function addSpoofCheck(_attachment: Attachment, _port: string, _mac: Mac): void {}
export function removeSpoofCheck(_attachment: Attachment): void {}
export function checkSpoofCheck(_attachment: Attachment): void {}
export function gcSpoofCheck(_valid: readonly ValidAttachment[]): void {}
