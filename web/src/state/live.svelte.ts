// The live stream: one connection for the whole page, the newest summary, the server's clock, and who listens to what.
// Keeps a bounded memory of seconds; keeps nothing else.

import { apiUrl, get, noticeLoggedOut } from '../api/client';
import { SseClient, type SseMessage } from '../api/sse';
import type { Health, LiveEvents, Summary, Tick } from '../api/types';

type Name = keyof LiveEvents;
type Listener<N extends Name> = (data: LiveEvents[N]) => void;

const ALWAYS: Name[] = ['tick', 'incident', 'health'];
/** Ten minutes of seconds: the live chart shows five. */
const SECONDS_MAX = 600;
const CUT_MS = 800;

class Live {
  status = $state<'connecting' | 'open' | 'lost'>('connecting');
  /** Lost for long enough to say so: half a second of reconnecting on a page change is no news. */
  cut = $state(false);
  summary = $state.raw<Summary | undefined>(undefined);
  health = $state.raw<Health[]>([]);
  /** Unix ms of the server's data clock (capture time in a replay); moves once a second with the ticks. */
  now = $state(Date.now());
  /** When the newest data arrived, on our clock; the banner tells it. */
  lastTickAt = $state(0);
  /** Events the server had to drop for this page since it was opened. */
  lost = $state(0);
  /** When the reader stopped the page, the data's clock; 0: it moves. The watch goes on, health is still told. */
  pausedAt = $state(0);
  /** Incidents that came while the page stood still. */
  missed = $state(0);
  /** Counts resets: panels that keep live lists load again. */
  resets = $state(0);
  hidden = $state(document.hidden);

  /** Newest last, at most ten minutes. Not reactive: read on `now`. */
  readonly seconds: { ts: number; second: Tick['second'] }[] = [];

  private held: Tick | undefined;
  private cutTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly listeners = new Map<Name, Set<Listener<Name>>>();
  private restartTimer: ReturnType<typeof setTimeout> | undefined;
  private asked = '';
  private readonly client = new SseClient({
    url: () => {
      this.asked = this.wanted();
      return apiUrl('/live', { events: this.asked });
    },
    onMessage: (message) => this.receive(message),
    onStatus: (status) => this.became(status),
    onLoggedOut: noticeLoggedOut,
  });

  start(): void {
    document.addEventListener('visibilitychange', () => {
      this.hidden = document.hidden;
    });
    window.addEventListener('online', () => this.client.restart());
    void this.first();
    this.client.start();
  }

  get paused(): boolean {
    return this.pausedAt > 0;
  }

  /** Stops the page where it is, or lets it catch up. */
  togglePause(): void {
    if (!this.paused) {
      this.pausedAt = this.now;
      this.missed = 0;
      return;
    }
    this.pausedAt = 0;
    if (this.held) this.take(this.held.summary, Date.parse(this.held.ts));
    this.held = undefined;
    this.resets += 1;
  }

  /** Calls back for each event of this name until the returned function is called. */
  on<N extends Name>(name: N, listener: Listener<N>): () => void {
    const set = this.listeners.get(name) ?? new Set();
    this.listeners.set(name, set);
    set.add(listener as Listener<Name>);
    this.refit();
    return () => {
      set.delete(listener as Listener<Name>);
      this.refit();
    };
  }

  private became(status: 'connecting' | 'open' | 'lost'): void {
    this.status = status;
    if (status !== 'lost') {
      clearTimeout(this.cutTimer);
      this.cutTimer = undefined;
      this.cut = false;
    } else this.cutTimer ??= setTimeout(() => (this.cut = true), CUT_MS);
  }

  private async first(): Promise<void> {
    try {
      const summary = await get<Summary>('/summary');
      if (this.lastTickAt > 0) return;
      this.lastTickAt = Date.now();
      this.take(summary, Date.parse(summary.now));
    } catch {
      // The stream's own status says so.
    }
  }

  private wanted(): string {
    const names = new Set<Name>(ALWAYS);
    for (const [name, set] of this.listeners) if (set.size > 0 && name !== 'reset') names.add(name);
    return [...names].sort().join(',');
  }

  /** Pages come and go in one breath; the stream is asked again only when what is wanted has really changed. */
  private refit(): void {
    clearTimeout(this.restartTimer);
    this.restartTimer = setTimeout(() => {
      if (this.asked !== '' && this.wanted() !== this.asked) this.client.restart();
    }, 50);
  }

  private take(summary: Summary, ts: number): void {
    this.summary = summary;
    this.health = summary.health;
    // Before the first packet there is no time of packets: this machine's stands for it.
    this.now = ts > 0 ? ts : Date.now();
  }

  private receive(message: SseMessage): void {
    const name = message.event as Name;
    let data: LiveEvents[Name];
    try {
      data = JSON.parse(message.data) as LiveEvents[Name];
    } catch {
      return;
    }
    if (name === 'tick') this.tick(data as Tick);
    if (name === 'health') this.health = (data as { items: Health[] }).items;
    if (this.paused && name !== 'packet') {
      if (name === 'incident') this.missed += 1;
      return;
    }
    if (name === 'reset') this.resets += 1;
    for (const listener of this.listeners.get(name) ?? []) listener(data);
  }

  private tick(tick: Tick): void {
    const ts = Date.parse(tick.ts);
    this.lastTickAt = Date.now();
    if (tick.lost) this.lost += tick.lost;
    this.seconds.push({ ts, second: tick.second });
    if (this.seconds.length > SECONDS_MAX) this.seconds.splice(0, this.seconds.length - SECONDS_MAX);
    if (this.paused) {
      this.held = tick;
      this.health = tick.summary.health;
    } else this.take(tick.summary, ts);
  }
}

export const live = new Live();
