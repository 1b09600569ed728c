// Where the Nodes come from: what the sources share, whichever is configured.

/** Notifications of the loop; each is called synchronously. */
export interface SourceObserver {
  /** The loop is alive, though there may be nothing to read. */
  beat(): void
  /** What it does now, and why it waits. */
  state(state: 'listing' | 'watching' | 'waiting', why: string): void
  /** A list is complete. */
  listed(nodes: number): void
  /** Something was received; a bookmark counts. */
  event(): void
}
