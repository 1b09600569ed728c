// What `strip` does to a program, without binutils of the program's architecture, whose version would show in the result.

const PT_LOAD = 1

/** Cuts off a 64-bit little-endian ELF file what is never loaded: symbols, debugging sections, the table of sections. */
export function stripElf(file: Uint8Array): Uint8Array {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength)
  if (file.byteLength < 64 || view.getUint32(0) !== 0x7f454c46 || view.getUint16(4) !== 0x0201) {
    throw new Error('not a 64-bit little-endian ELF file')
  }
  // Elf64_Ehdr: e_phoff at 32, e_shoff 40, e_phentsize 54, e_phnum 56, e_shnum 60, e_shstrndx 62. Elf64_Phdr: p_type 0, p_offset 8, p_filesz 32.
  const [table, size, count] = [Number(view.getBigUint64(32, true)), view.getUint16(54, true), view.getUint16(56, true)]
  const ends = Array.from({ length: count }, (_, i) => table + i * size)
    .filter((header) => view.getUint32(header, true) === PT_LOAD)
    .map((header) => Number(view.getBigUint64(header + 8, true) + view.getBigUint64(header + 32, true)))
  const stripped = file.slice(0, Math.max(...ends))
  const out = new DataView(stripped.buffer)
  out.setBigUint64(40, 0n, true)
  out.setUint16(60, 0, true)
  out.setUint16(62, 0, true)
  return stripped
}
