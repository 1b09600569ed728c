import { describe, expect, it } from 'vitest'
import { readResponse } from './http.ts'

/** `text` as a peer sends it, `size` bytes at a time. */
function receiving(text: string, size: number): () => ArrayBuffer {
  const bytes = Buffer.from(text)
  let at = 0
  return () => {
    const part = Uint8Array.from(bytes.subarray(at, at + size))
    at += part.length
    return part.buffer
  }
}

const chunked =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;x=y\r\n{"a":\r\nA\r\n"€€","\r\n4\r\nb":1\r\n1\r\n}\r\n0\r\nTrailer: x\r\n\r\n'

describe('readResponse', () => {
  it.each([1, 2, 3, 7, 4096])('reads a body in chunks when it comes %i bytes at a time', (size) => {
    expect(readResponse(receiving(chunked, size))).toEqual({ status: 200, body: '{"a":"€€","b":1}' })
  })

  it.each([1, 5, 4096])('reads a body of Content-Length when it comes %i bytes at a time', (size) => {
    const text = 'HTTP/1.0 409 Conflict\ncontent-LENGTH:  9\n\n{"€":1}and what follows'
    expect(readResponse(receiving(text, size))).toEqual({ status: 409, body: '{"€":1}' })
  })

  it.each([
    ['HTTP/1.1 100 Continue\r\n\r\n', 'the status line of a final response'],
    ['HTTP/2 200\r\n\r\n', 'the status line of a final response'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n', 'Transfer-Encoding "gzip, chunked" is not supported'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabc\r\n0\r\n\r\n', 'a chunk is longer than its size'],
    ['HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n', 'over 262144 bytes'],
    [`HTTP/1.1 200 OK\r\n${'a: b\r\n'.repeat(9000)}\r\n`, 'over 16 KiB'],
  ])('rejects %j', (text, words) => {
    expect(() => readResponse(receiving(text, 4096))).toThrow(expect.objectContaining({ code: 6, message: expect.stringContaining(words) }))
  })

  it('an answer that is cut anywhere is a failed connection, not an answer', () => {
    for (let end = 0; end < chunked.length - 3; end++) {
      expect(() => readResponse(receiving(chunked.slice(0, end), 64))).toThrow('the connection ended before the answer did')
    }
  })
})
