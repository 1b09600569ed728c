// A tar archive (POSIX ustar) whose bytes depend on its entries alone: sorted by path, root's, one time for all. And gzip that is as indifferent.

import { constants, gzipSync } from 'node:zlib'

export type Entry = { readonly path: string; readonly mode: number } & (
  | { readonly kind: 'file'; readonly bytes: Uint8Array }
  | { readonly kind: 'directory' }
  | { readonly kind: 'link'; readonly target: string }
)

const blockSize = 512
const kinds = { file: '0', link: '2', directory: '5' } as const

/** `mtime` in seconds since 1970. Paths are relative, without a trailing slash; parents that are not named are added, 0755. */
export function tar(entries: readonly Entry[], mtime: number): Buffer {
  const byPath = new Map(withParents(entries).map((entry) => [entry.path, entry]))
  const sorted = [...byPath.values()].sort((a, b) => (a.path < b.path ? -1 : 1))
  const blocks = sorted.flatMap((entry) => {
    const bytes = entry.kind === 'file' ? entry.bytes : new Uint8Array()
    return [header(entry, bytes.byteLength, mtime), bytes, new Uint8Array(-bytes.byteLength & (blockSize - 1))]
  })
  return Buffer.concat([...blocks, new Uint8Array(2 * blockSize)])
}

/** Parents first, so that an entry that names one itself has the last word. */
function withParents(entries: readonly Entry[]): Entry[] {
  const parents = entries.flatMap(({ path }) => {
    const parts = path.split('/').slice(0, -1)
    return parts.map((_, i): Entry => ({ path: parts.slice(0, i + 1).join('/'), mode: 0o755, kind: 'directory' }))
  })
  return [...parents, ...entries]
}

function header(entry: Entry, size: number, mtime: number): Buffer {
  const block = Buffer.alloc(blockSize)
  const octal = (value: number, offset: number, width: number) => block.write(value.toString(8).padStart(width - 1, '0'), offset)
  const { prefix, name } = splitPath(entry.kind === 'directory' ? `${entry.path}/` : entry.path)
  block.write(name, 0)
  octal(entry.mode, 100, 8)
  octal(0, 108, 8)
  octal(0, 116, 8)
  octal(size, 124, 12)
  octal(mtime, 136, 12)
  block.write(kinds[entry.kind], 156)
  if (entry.kind === 'link') block.write(entry.target, 157)
  block.write('ustar\x0000', 257)
  block.write('root', 265)
  block.write('root', 297)
  block.write(prefix, 345)
  // The checksum counts its own field as blanks.
  block.fill(' ', 148, 156)
  const sum = block.reduce((total, byte) => total + byte, 0)
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return block
}

function splitPath(path: string): { prefix: string; name: string } {
  if (Buffer.byteLength(path) <= 100) return { prefix: '', name: path }
  const cut = path.indexOf('/', path.length - 101)
  const [prefix, name] = [path.slice(0, cut), path.slice(cut + 1)]
  if (cut < 0 || name === '' || Buffer.byteLength(prefix) > 155 || Buffer.byteLength(name) > 100)
    throw new Error(`the path is too long for tar: ${path}`)
  return { prefix, name }
}

/** The same bytes on every machine for one version of zlib. */
export function gzip(bytes: Buffer): Buffer {
  const packed = gzipSync(bytes, { level: 9, memLevel: 9, strategy: constants.Z_DEFAULT_STRATEGY })
  // Header: no time, and "unknown" for the operating system, which zlib fills in where it was built.
  packed.writeUInt32LE(0, 4)
  packed[9] = 255
  return packed
}
