// A loop's sleep that others can end early. A notification while the loop is busy ends its next wait at once.

/** One loop waits, any caller notifies. */
export class Notifier {
  #pending = false
  #end: (() => void) | undefined

  /** Ends the current wait, or the next. */
  notify(): void {
    this.#pending = true
    this.#end?.()
  }

  /** True where it was notified, false after `milliseconds` or `signal`. */
  wait(milliseconds: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((done) => {
      const finish = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', finish)
        this.#end = undefined
        const notified = this.#pending
        this.#pending = false
        done(notified)
      }
      const timer = setTimeout(finish, milliseconds)
      this.#end = finish
      signal.addEventListener('abort', finish)
      if (this.#pending || signal.aborted) finish()
    })
  }
}
