/** The head of an answer that comes from no instance. */
import { ResponseHead } from '../http/response-head.ts'

/** @param text Status and reason, and field lines, with CRLF each. */
export function localHead(status: number, text: string, contentLength: number): ResponseHead {
  const head = new ResponseHead()
  head.status = status
  head.contentLength = contentLength
  head.text = ` ${text}${status === 304 ? '' : `Content-Length: ${contentLength}\r\n`}`
  return head
}
