// Flags and file types of the system calls: fcntl.h, sys/stat.h and sys/file.h, as they are on x86-64 and arm64.

export const O_RDONLY = 0
export const O_WRONLY = 1
export const O_RDWR = 2
export const O_CREAT = 0o100
export const O_EXCL = 0o200
export const O_APPEND = 0o2000
export const O_NONBLOCK = 0o4000
export const S_IFMT = 0o170000
export const S_IFDIR = 0o40000
export const S_IFREG = 0o100000
export const S_IFLNK = 0o120000
export const LOCK_EX = 2
