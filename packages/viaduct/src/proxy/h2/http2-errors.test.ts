import assert from 'node:assert/strict'
import { test } from 'node:test'
import { h2StreamWindowBytes } from '../../model/proxy-limits.ts'
import { flags, frameTypes, getFields, RawH2, renderFields, uint32 } from '../fixtures/raw-h2.ts'
import { routeTable } from '../fixtures/route-table.ts'
import { ok, TestInstance, until } from '../fixtures/test-proxy.ts'
import { startTlsProxy } from '../fixtures/tls-proxy.ts'
import { errorCodes, type ErrorCode } from './frames/frame-codes.ts'

const { protocolError, flowControlError, streamClosed, frameSizeError } = errorCodes
const { compressionError, enhanceYourCalm } = errorCodes

interface Case {
  /** Before the preface was sent, instead of it. */
  readonly isFirst?: boolean
  readonly send: (client: RawH2) => void | Promise<void>
  /** Of the connection, … */
  readonly goaway?: ErrorCode
  /** … of stream 1, and then the connection goes on; neither: nothing is wrong. */
  readonly reset?: ErrorCode
}

const none = Buffer.alloc(0)
const post: [string, string][] = [[':method', 'POST'], ...getFields('/wait').slice(1)]

function frame(
  type: number,
  payload: Buffer = none,
  more: { flags?: number; stream?: number } = {},
) {
  return { type, flags: 0, stream: 0, payload, ...more }
}

function settings(id: number, value: number): Buffer {
  return Buffer.concat([Buffer.from([0, id]), uint32(value)])
}

/** Stream 1 has all that it wants, and its answer. */
async function answered(client: RawH2): Promise<RawH2> {
  client.headers(1, getFields())
  await until(() => client.of(1, frameTypes.data).some((each) => each.flags === 1), 'the answer')
  return client
}

/** Streams that begin, and whose answer does not come; RFC 9113 says what each frame may do. */
const cases: Record<string, Case> = {
  // §3.4
  'a preface of another protocol': {
    isFirst: true,
    send: ({ socket }) => void socket.write('GET / HTTP/1.1\r\nHost: app.localhost\r\n\r\n'),
    goaway: protocolError,
  },
  'no SETTINGS first': {
    isFirst: true,
    send: (client) => void client.sendPreface().headers(1, getFields()),
    goaway: protocolError,
  },
  'an acknowledgement first': {
    isFirst: true,
    send: (client) => void client.sendPreface().send(frame(4, none, { flags: flags.ack })),
    goaway: protocolError,
  },
  // §4.2, §4.3
  'a frame that is too long': {
    send: (client) => void client.send(frame(0xb, Buffer.alloc(16_385))),
    goaway: frameSizeError,
  },
  'a header block that is none': {
    send: (client) => void client.send(frame(1, Buffer.from([0x80]), { flags: 5, stream: 1 })),
    goaway: compressionError,
  },
  'trailers that are none': {
    send: (client) =>
      void client.headers(1, post, 0).send(frame(1, Buffer.from([0xff]), { flags: 5, stream: 1 })),
    goaway: compressionError,
  },
  'an unknown frame': {
    send: (client) => void client.send(frame(0x42, Buffer.alloc(5), { flags: 255, stream: 77 })),
  },
  // §5.1, §5.1.1
  'an even stream': {
    send: (client) => void client.headers(2, getFields()),
    goaway: protocolError,
  },
  'HEADERS on stream 0': {
    send: (client) => void client.headers(0, getFields()),
    goaway: protocolError,
  },
  'a stream that was left out': {
    send: (client) => void client.headers(5, getFields('/wait')).headers(3, getFields()),
    goaway: protocolError,
  },
  'DATA on a stream that is idle': {
    send: (client) => void client.data(1, 'x'),
    goaway: protocolError,
  },
  'RST_STREAM on a stream that is idle': {
    send: (client) => void client.reset(1),
    goaway: protocolError,
  },
  'WINDOW_UPDATE on a stream that is idle': {
    send: (client) => void client.send(frame(8, uint32(1), { stream: 1 })),
    goaway: protocolError,
  },
  'DATA behind the end of a request': {
    send: (client) => void client.headers(1, getFields('/wait')).data(1, 'x'),
    reset: streamClosed,
  },
  'HEADERS behind the end of a request': {
    send: (client) => void client.headers(1, getFields('/wait')).headers(1, [['x-a', 'b']]),
    reset: streamClosed,
  },
  'DATA on a stream that is over': {
    send: async (client) => void (await answered(client)).data(1, 'x'),
    goaway: streamClosed,
  },
  'HEADERS on a stream that is over': {
    send: async (client) => void (await answered(client)).headers(1, getFields()),
    goaway: streamClosed,
  },
  'DATA on a stream that the client has reset': {
    send: (client) => void client.headers(1, post, 0).reset(1).data(1, 'x'),
    goaway: streamClosed,
  },
  'WINDOW_UPDATE, RST_STREAM and PRIORITY on a stream that is over': {
    send: async (client) => {
      await answered(client)
      client.send(frame(8, uint32(1), { stream: 1 })).reset(1)
      client.send(frame(2, Buffer.alloc(5), { stream: 1 }))
    },
  },
  // §5.3
  'PRIORITY on any stream': {
    send: (client) => void client.send(frame(2, Buffer.alloc(5), { stream: 9 })),
  },
  // §6.1
  'DATA on stream 0': { send: (client) => void client.data(0, 'x'), goaway: protocolError },
  'DATA with more padding than payload': {
    send: (client) =>
      void client
        .headers(1, post, 0)
        .send(frame(0, Buffer.from([9, 0, 0]), { flags: 8, stream: 1 })),
    goaway: protocolError,
  },
  'DATA beyond the window of its stream': {
    send: (client) => {
      client.headers(1, post, 0)
      for (let left = h2StreamWindowBytes; left >= 0; left -= 16_384) {
        client.send(frame(0, Buffer.alloc(16_384), { stream: 1 }))
      }
    },
    reset: flowControlError,
  },
  'DATA that is padding, for more than a window': {
    send: (client) => {
      client.headers(1, post, 0)
      const payload = Buffer.alloc(257, 0)
      payload[0] = 255
      for (let left = h2StreamWindowBytes; left >= 0; left -= payload.length) {
        client.send(frame(0, payload, { flags: 8, stream: 1 }))
      }
    },
  },
  // §6.2
  'HEADERS with more padding than payload': {
    send: (client) => void client.send(frame(1, Buffer.from([9, 0x82]), { flags: 13, stream: 1 })),
    goaway: protocolError,
  },
  'HEADERS without the priority that it has': {
    send: (client) => void client.send(frame(1, Buffer.from([0]), { flags: 0x25, stream: 1 })),
    goaway: frameSizeError,
  },
  'HEADERS with padding and priority': {
    send: (client) => {
      const block = renderFields(getFields('/wait'))
      const payload = Buffer.concat([Buffer.from([2]), Buffer.alloc(5), block, Buffer.alloc(2)])
      client.send(frame(1, payload, { flags: 0x2d, stream: 1 }))
    },
  },
  'trailers without an end': {
    send: (client) => void client.headers(1, post, 0).headers(1, [['x-a', 'b']], 0),
    reset: protocolError,
  },
  'trailers with a pseudo-header': {
    send: (client) => void client.headers(1, post, 0).headers(1, [[':path', '/']]),
    reset: protocolError,
  },
  // §6.3 to §6.8
  'PRIORITY on stream 0': {
    send: (client) => void client.send(frame(2, Buffer.alloc(5))),
    goaway: protocolError,
  },
  'PRIORITY of four bytes': {
    send: (client) => void client.send(frame(2, Buffer.alloc(4), { stream: 1 })),
    goaway: frameSizeError,
  },
  'RST_STREAM on stream 0': { send: (client) => void client.reset(0), goaway: protocolError },
  'RST_STREAM of three bytes': {
    send: (client) =>
      void client.headers(1, post, 0).send(frame(3, Buffer.alloc(3), { stream: 1 })),
    goaway: frameSizeError,
  },
  'SETTINGS on a stream': {
    send: (client) => void client.send(frame(4, none, { stream: 1 })),
    goaway: protocolError,
  },
  'SETTINGS of five bytes': {
    send: (client) => void client.send(frame(4, Buffer.alloc(5))),
    goaway: frameSizeError,
  },
  'an acknowledgement with settings': {
    send: (client) => void client.send(frame(4, settings(1, 1), { flags: flags.ack })),
    goaway: frameSizeError,
  },
  'ENABLE_PUSH of 2': {
    send: (client) => void client.send(frame(4, settings(2, 2))),
    goaway: protocolError,
  },
  'a window of 2^31': {
    send: (client) => void client.send(frame(4, settings(4, 2 ** 31))),
    goaway: flowControlError,
  },
  'a window that settings make larger than 2^31 - 1': {
    send: (client) =>
      void client
        .headers(1, getFields('/wait'))
        .send(frame(8, uint32(2 ** 31 - 1 - 65_535), { stream: 1 }))
        .send(frame(4, settings(4, 65_536))),
    goaway: flowControlError,
  },
  'frames of 16383 bytes': {
    send: (client) => void client.send(frame(4, settings(5, 16_383))),
    goaway: protocolError,
  },
  'frames of 2^24 bytes': {
    send: (client) => void client.send(frame(4, settings(5, 2 ** 24))),
    goaway: protocolError,
  },
  'an unknown setting': { send: (client) => void client.send(frame(4, settings(0x99, 5))) },
  PUSH_PROMISE: {
    send: (client) => void client.send(frame(5, Buffer.alloc(8), { flags: 4, stream: 1 })),
    goaway: protocolError,
  },
  'PING on a stream': {
    send: (client) => void client.send(frame(6, Buffer.alloc(8), { stream: 1 })),
    goaway: protocolError,
  },
  'PING of seven bytes': {
    send: (client) => void client.send(frame(6, Buffer.alloc(7))),
    goaway: frameSizeError,
  },
  'GOAWAY on a stream': {
    send: (client) => void client.send(frame(7, Buffer.alloc(8), { stream: 1 })),
    goaway: protocolError,
  },
  'GOAWAY of seven bytes': {
    send: (client) => void client.send(frame(7, Buffer.alloc(7))),
    goaway: frameSizeError,
  },
  // §6.9
  'WINDOW_UPDATE of 0': {
    send: (client) => void client.send(frame(8, uint32(0))),
    goaway: protocolError,
  },
  'WINDOW_UPDATE of 0 on a stream': {
    send: (client) => void client.headers(1, post, 0).send(frame(8, uint32(0), { stream: 1 })),
    reset: protocolError,
  },
  'WINDOW_UPDATE of three bytes': {
    send: (client) => void client.send(frame(8, Buffer.alloc(3))),
    goaway: frameSizeError,
  },
  'a window of the connection over 2^31 - 1': {
    send: (client) => void client.send(frame(8, uint32(2 ** 31 - 1))),
    goaway: flowControlError,
  },
  'a window of a stream over 2^31 - 1': {
    send: (client) =>
      void client.headers(1, post, 0).send(frame(8, uint32(2 ** 31 - 1), { stream: 1 })),
    reset: flowControlError,
  },
  // §6.10
  'CONTINUATION without HEADERS': {
    send: (client) => void client.headers(1, post, 0).send(frame(9, none, { flags: 4, stream: 1 })),
    goaway: protocolError,
  },
  'CONTINUATION of another stream': {
    send: (client) => {
      client.send(frame(1, renderFields(getFields()), { flags: 1, stream: 1 }))
      client.send(frame(9, none, { flags: 4, stream: 3 }))
    },
    goaway: protocolError,
  },
  'a PING in the midst of a header block': {
    send: (client) => {
      client.send(frame(1, renderFields(getFields()), { flags: 1, stream: 1 }))
      client.send(frame(6, Buffer.alloc(8)))
    },
    goaway: protocolError,
  },
  'DATA in the midst of a header block': {
    send: (client) => {
      client.headers(1, post, 0)
      client.send(frame(1, renderFields(getFields()), { flags: 1, stream: 3 })).data(1, 'x')
    },
    goaway: protocolError,
  },
  'an unknown frame in the midst of a header block': {
    send: (client) => {
      client.send(frame(1, renderFields(getFields()), { flags: 1, stream: 1 })).send(frame(0x42))
    },
    goaway: protocolError,
  },
  'a head in too many pieces': {
    send: (client) => {
      client.send(frame(1, none, { flags: 1, stream: 1 }))
      for (let i = 0; i < 20; i++) client.send(frame(9, none, { stream: 1 }))
    },
    goaway: enhanceYourCalm,
  },
  // §8.1.1
  'a head that is malformed': {
    send: (client) => void client.headers(1, [...getFields(), ['X-Upper', 'y']], 0),
    reset: protocolError,
  },
  'a length without a body': {
    send: (client) => void client.headers(1, [...post, ['content-length', '5']]),
    reset: protocolError,
  },
  'a body that is longer than its length': {
    send: (client) => void client.headers(1, [...post, ['content-length', '1']], 0).data(1, 'xy'),
    reset: protocolError,
  },
}

for (const [name, { isFirst, send, goaway, reset }] of Object.entries(cases)) {
  test(`HTTP/2: ${name}`, async () => {
    await using instance = await TestInstance.answering((head) => {
      return head.includes(' /wait') ? '' : ok('x')
    })
    await using proxy = await startTlsProxy(routeTable(1, [{ ports: [instance.port] }]))
    using client = isFirst ? await RawH2.open(proxy.port) : await RawH2.connect(proxy.port)
    await send(client)
    if (goaway !== undefined) {
      await until(() => client.isOver, 'the end of the connection')
      return assert.deepEqual(
        client.goaways.map(({ code }) => code),
        [goaway],
      )
    }
    if (reset !== undefined) await client.sees(1, frameTypes.rstStream)
    client.headers(101, getFields('/after'))
    await client.sees(101, frameTypes.data)
    assert.deepEqual([client.goaways, client.resetOf(1)], [[], reset ?? null])
  })
}
