/** Turns what was thrown into the answer: `application/problem+json`, or the log and a 500. */
import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { encodeProblem, problemType } from '../../contract/problem.ts'
import { AppError } from '../../model/app-error.ts'
import type { Log } from '../../model/log.ts'

/** Answers with the problem that `error` is. What is no `AppError` is a bug and logged whole. */
export async function sendProblem(
  log: Log,
  error: unknown,
  { request, reply }: { request: Pick<FastifyRequest, 'id' | 'url'>; reply: FastifyReply },
): Promise<void> {
  const problem = toAppError(error)
  if (problem.code === 'internal') {
    const stack = error instanceof Error ? error.stack : String(error)
    log.error('api.failed', { requestId: request.id, url: request.url, stack })
  }
  if (problem.code === 'unauthorized') void reply.header('www-authenticate', 'Bearer')
  await reply
    .code(problem.status)
    .type(problemType)
    .serializer(JSON.stringify)
    .send(encodeProblem(problem, request.id))
}

const badJson = 'FST_ERR_CTP_INVALID_JSON_BODY'

function toAppError(error: unknown): AppError {
  if (error instanceof AppError) return error
  const { code, message, statusCode } = error as FastifyError
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') {
    return new AppError('upload-too-large', 'The body is too large for JSON')
  }
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new AppError('bad-media-type', message)
  // The parser of bodies gives its errors a status; a SyntaxError without one is a bug of ours.
  if (statusCode === 400 && (code === badJson || error instanceof SyntaxError)) {
    return new AppError('bad-json', `The body is no JSON: ${message}`, { data: { field: 'body' } })
  }
  // Fastify's own complaints about a request: bad JSON, a media type, a bad URL, a bad length.
  if (typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500) {
    return new AppError('bad-request', message, { data: { field: 'body' } })
  }
  return new AppError('internal', 'The request failed inside of Viaduct', { cause: error })
}
