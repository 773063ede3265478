// A client for text/event-stream over fetch: resumes with Last-Event-ID, backs off, notices a silent connection.
// EventSource cannot resume after a refused reconnect and cannot tell a stalled stream, so it is not used.

export interface SseMessage {
  id: string | undefined;
  event: string;
  data: string;
}

/** Feeds text in any cut; gives whole messages (WHATWG HTML, section 9.2.6). */
export class SseParser {
  private buffer = '';
  private data: string[] = [];
  private event = '';
  private id: string | undefined;

  push(text: string): SseMessage[] {
    const out: SseMessage[] = [];
    this.buffer += text;
    let start = 0;
    for (;;) {
      const end = this.buffer.indexOf('\n', start);
      if (end < 0) break;
      const stop = end > start && this.buffer[end - 1] === '\r' ? end - 1 : end;
      this.line(this.buffer.slice(start, stop), out);
      start = end + 1;
    }
    this.buffer = this.buffer.slice(start);
    return out;
  }

  private line(line: string, out: SseMessage[]): void {
    if (line === '') {
      if (this.data.length > 0) out.push({ id: this.id, event: this.event || 'message', data: this.data.join('\n') });
      this.data = [];
      this.event = '';
      return;
    }
    if (line.startsWith(':')) return;
    const colon = line.indexOf(':');
    const field = colon < 0 ? line : line.slice(0, colon);
    const rest = colon < 0 ? '' : line.slice(colon + 1);
    const value = rest.startsWith(' ') ? rest.slice(1) : rest;
    if (field === 'data') this.data.push(value);
    else if (field === 'event') this.event = value;
    else if (field === 'id' && !value.includes('\0')) this.id = value;
  }
}

/** 0.5 s, 1 s, 2 s … at most 15 s, each shortened by up to a quarter so that many pages do not return at once. */
export function backoffMs(attempt: number, random = Math.random()): number {
  const full = Math.min(15_000, 500 * 2 ** Math.min(attempt, 10));
  return Math.round(full * (1 - random / 4));
}

export type SseStatus = 'connecting' | 'open' | 'lost';

export interface SseOptions {
  url: () => string;
  onMessage: (message: SseMessage) => void;
  onStatus: (status: SseStatus, retryInMs: number) => void;
  /** No byte for this long means the connection is dead. The server sends a comment every 15 s. */
  stallMs?: number;
  fetch?: typeof fetch;
  /** The server wants a log-in: nothing is asked again. */
  onLoggedOut?: () => void;
  random?: () => number;
}

export class SseClient {
  private controller: AbortController | undefined;
  private retry: ReturnType<typeof setTimeout> | undefined;
  private stall: ReturnType<typeof setTimeout> | undefined;
  private attempt = 0;
  private running = false;
  lastEventId: string | undefined;

  constructor(private readonly options: SseOptions) {}

  start(): void {
    if (this.running) return;
    this.running = true;
    void this.connect();
  }

  stop(): void {
    this.running = false;
    this.drop();
  }

  /** Connects again at once, resuming; used when the wanted events change and when the network comes back. */
  restart(): void {
    if (!this.running) return;
    this.drop();
    this.attempt = 0;
    void this.connect();
  }

  private drop(): void {
    clearTimeout(this.retry);
    clearTimeout(this.stall);
    this.controller?.abort();
    this.controller = undefined;
  }

  private watch(controller: AbortController): void {
    clearTimeout(this.stall);
    this.stall = setTimeout(() => controller.abort(), this.options.stallMs ?? 20_000);
  }

  private async connect(): Promise<void> {
    const controller = new AbortController();
    this.controller = controller;
    const headers: Record<string, string> = { accept: 'text/event-stream' };
    if (this.lastEventId !== undefined) headers['last-event-id'] = this.lastEventId;
    this.watch(controller);
    try {
      const ask = this.options.fetch ?? fetch;
      const response = await ask(this.options.url(), { headers, signal: controller.signal, cache: 'no-store' });
      if (response.status === 401 && this.options.onLoggedOut) {
        this.options.onLoggedOut();
        this.stop();
        return;
      }
      if (!response.ok || !response.body) throw new Error(`HTTP ${response.status}`);
      this.attempt = 0;
      this.options.onStatus('open', 0);
      await this.read(response.body, controller);
    } catch {
      // Every failure ends the same way: wait and try again, below.
    }
    if (this.controller === controller) this.schedule();
  }

  private async read(body: ReadableStream<Uint8Array>, controller: AbortController): Promise<void> {
    const parser = new SseParser();
    const decoder = new TextDecoder();
    const reader = body.getReader();
    for (;;) {
      const { done, value } = await reader.read();
      if (done || this.controller !== controller) return;
      this.watch(controller);
      for (const message of parser.push(decoder.decode(value, { stream: true }))) {
        if (message.id !== undefined) this.lastEventId = message.id;
        this.options.onMessage(message);
      }
    }
  }

  private schedule(): void {
    clearTimeout(this.stall);
    if (!this.running) return;
    const wait = backoffMs(this.attempt, this.options.random?.() ?? Math.random());
    this.attempt += 1;
    this.options.onStatus('lost', wait);
    this.retry = setTimeout(() => void this.connect(), wait);
  }
}
