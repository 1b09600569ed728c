// What watchers of a run see. Clusters that run side by side have their lines marked.

import { AsyncLocalStorage } from 'node:async_hooks'

const mark = new AsyncLocalStorage<string>()

/** Does `work`; each line that it prints begins with the mark. */
export const marked = <T>(text: string, work: () => Promise<T>): Promise<T> => mark.run(text, work)

/** Prints lines. */
export function print(text: string): void {
  console.log(text.replaceAll(/^/gm, mark.getStore() ?? ''))
}
