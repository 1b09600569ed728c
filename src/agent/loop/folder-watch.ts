// Notifications of changes in a directory, best effort: callers poll as well.

import { type FSWatcher, statSync, watch } from 'node:fs'

/** Lives until `close`; `ensure` puts it on the folder that is there now, since one that was removed and recreated is another inode. */
export class FolderWatch {
  readonly #folder: string
  readonly #onChange: () => void
  #watcher: FSWatcher | undefined
  #ino = 0n

  constructor(folder: string, onChange: () => void) {
    this.#folder = folder
    this.#onChange = onChange
  }

  ensure(): void {
    const ino = inodeOf(this.#folder)
    if (this.#watcher && ino === this.#ino) return
    this.close()
    if (ino === 0n) return
    this.#ino = ino
    try {
      this.#watcher = watch(this.#folder, this.#onChange)
      this.#watcher.on('error', () => this.close())
    } catch {
      // No inotify instance left, or the folder has just gone: the poll covers it.
    }
  }

  close(): void {
    this.#watcher?.close()
    this.#watcher = undefined
  }
}

/** 0 where it does not exist. */
function inodeOf(folder: string): bigint {
  try {
    return statSync(folder, { bigint: true, throwIfNoEntry: false })?.ino ?? 0n
  } catch {
    return 0n
  }
}
