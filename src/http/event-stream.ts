// Server-sent events (WHATWG HTML, "Server-sent events") as a Response. A reader that doesn't read is cut off, not buffered for.

import { eventsKeptMax } from '../limits/agent.ts'

export interface StreamedEvent {
  readonly event: string
}

/** What has happened lately, then what happens. `listen` answers how to stop. */
export function eventStream(recent: readonly StreamedEvent[], listen: (listener: (event: StreamedEvent) => void) => Disposable): Response {
  const encoder = new TextEncoder()
  let listening: Disposable | undefined
  const body = new ReadableStream<Uint8Array>(
    {
      start(controller) {
        const send = (event: StreamedEvent) => {
          if ((controller.desiredSize ?? 0) <= 0) {
            listening?.[Symbol.dispose]()
            controller.close()
            return
          }
          controller.enqueue(encoder.encode(`event: ${event.event}\ndata: ${JSON.stringify(event)}\n\n`))
        }
        recent.forEach(send)
        listening = listen(send)
      },
      cancel: () => listening?.[Symbol.dispose](),
    },
    { highWaterMark: 2 * eventsKeptMax },
  )
  return new Response(body, { headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store' } })
}
