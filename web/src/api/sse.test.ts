// The stream client: any cut of the text, resuming, backing off, noticing silence.
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { backoffMs, SseClient, SseParser, type SseMessage, type SseStatus } from './sse';

describe('parser', () => {
  const text = ': hello\n\nid: 4\nevent: tick\ndata: {"a":1}\n\nid: 5\r\nevent: flow\r\ndata: x\r\ndata: y\r\n\r\n\ndata:z\n\n';
  const wanted: SseMessage[] = [
    { id: '4', event: 'tick', data: '{"a":1}' },
    { id: '5', event: 'flow', data: 'x\ny' },
    { id: '5', event: 'message', data: 'z' },
  ];
  it('reads messages in one piece', () => expect(new SseParser().push(text)).toEqual(wanted));
  it('reads them in any cut', () => {
    for (let size = 1; size < 9; size += 1) {
      const parser = new SseParser();
      const out: SseMessage[] = [];
      for (let i = 0; i < text.length; i += size) out.push(...parser.push(text.slice(i, i + size)));
      expect(out).toEqual(wanted);
    }
  });
});

describe('back-off', () => {
  it('doubles up to fifteen seconds and spreads', () => {
    expect([0, 1, 2, 3, 4, 5, 99].map((n) => backoffMs(n, 0))).toEqual([500, 1000, 2000, 4000, 8000, 15_000, 15_000]);
    expect(backoffMs(5, 1)).toBe(11_250);
  });
});

describe('client', () => {
  beforeEach(() => void vi.useFakeTimers());
  afterEach(() => void vi.useRealTimers());

  function setup() {
    const asked: Record<string, string>[] = [];
    const streams: ReadableStreamDefaultController<Uint8Array>[] = [];
    const statuses: SseStatus[] = [];
    const messages: SseMessage[] = [];
    let refuse = false;
    const client = new SseClient({
      url: () => '/live',
      onMessage: (m) => messages.push(m),
      onStatus: (s) => statuses.push(s),
      random: () => 0,
      fetch: ((_: string, init: RequestInit) => {
        asked.push(init.headers as Record<string, string>);
        if (refuse) return Promise.resolve(new Response('no', { status: 503 }));
        const body = new ReadableStream<Uint8Array>({
          start(controller) {
            streams.push(controller);
            init.signal?.addEventListener('abort', () => {
              try {
                controller.error(new DOMException('aborted', 'AbortError'));
              } catch {
                // already ended
              }
            });
          },
        });
        return Promise.resolve(new Response(body));
      }) as typeof fetch,
    });
    const say = (text: string): void => streams.at(-1)?.enqueue(new TextEncoder().encode(text));
    return { client, asked, streams, statuses, messages, say, refuse: (on: boolean) => (refuse = on) };
  }
  const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

  it('resumes after the last event', async () => {
    const t = setup();
    t.client.start();
    await settle();
    t.say('id: 41\nevent: tick\ndata: {}\n\n');
    await settle();
    t.streams[0]?.close();
    await settle();
    expect(t.statuses).toEqual(['open', 'lost']);
    await vi.advanceTimersByTimeAsync(500);
    expect(t.asked[0]?.['last-event-id']).toBeUndefined();
    expect(t.asked[1]?.['last-event-id']).toBe('41');
    expect(t.messages).toHaveLength(1);
    t.client.stop();
  });
  it('waits longer each time it is refused', async () => {
    const t = setup();
    t.refuse(true);
    t.client.start();
    await vi.advanceTimersByTimeAsync(499);
    expect(t.asked).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(t.asked).toHaveLength(2);
    await vi.advanceTimersByTimeAsync(1000);
    expect(t.asked).toHaveLength(3);
    t.client.stop();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(t.asked).toHaveLength(3);
  });
  it('takes twenty silent seconds for a dead connection', async () => {
    const t = setup();
    t.client.start();
    await settle();
    await vi.advanceTimersByTimeAsync(19_000);
    t.say(': alive\n\n');
    await vi.advanceTimersByTimeAsync(19_000);
    expect(t.statuses).toEqual(['open']);
    await vi.advanceTimersByTimeAsync(1500);
    expect(t.statuses).toEqual(['open', 'lost', 'open']);
    t.client.stop();
  });
});
