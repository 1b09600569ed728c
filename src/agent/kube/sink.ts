/** Takes a body apart while it arrives. */
export interface Sink {
  /** Throws where the body is not what was expected. */
  write(chunk: Buffer): void
}
