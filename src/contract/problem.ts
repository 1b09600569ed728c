// What must be fixed: one shape in every report, log and status.

export interface Problem {
  /** What sort of thing it is: `route`, `conflist`, `bad-pod-cidr`. */
  readonly kind: string
  /** What it is about: a route, a device, a file, a Node. */
  readonly object: string
  readonly message: string
  /** False for a warning: nothing failed. */
  readonly failed: boolean
}

/** `OBJECT: MESSAGE`, the line of a command. */
export function formatProblem({ object, message }: Problem): string {
  return object === '' ? message : `${object}: ${message}`
}
