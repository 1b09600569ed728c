// A loop's sleep that others can cut short. What came while the loop was busy is not lost: its next wait ends at once.

/** One loop waits, any caller notifies. */
export class Notifier {
  #pending = false
  #end: (() => void) | undefined

  /** Ends the present wait, or the next. */
  notify(): void {
    this.#pending = true
    this.#end?.()
  }

  /** True where it was woken, false where the time was over or `signal` ended it. */
  wait(milliseconds: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((done) => {
      const finish = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', finish)
        this.#end = undefined
        const woken = this.#pending
        this.#pending = false
        done(woken)
      }
      const timer = setTimeout(finish, milliseconds)
      this.#end = finish
      signal.addEventListener('abort', finish)
      if (this.#pending || signal.aborted) finish()
    })
  }
}
