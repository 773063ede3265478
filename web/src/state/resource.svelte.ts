// One question to the server as reactive state: loading, data, error, stale. Every panel owns one. Asks again on a
// period, never while the tab is hidden, and keeps the old answer on the screen while a new one is on its way.

import { untrack } from 'svelte';
import { asApiError, isAbort, type ApiError } from '../api/client';
import { live } from './live.svelte';

export type Ask<T> = (signal: AbortSignal) => Promise<T>;

export type View = 'loading' | 'error' | 'empty' | 'ready';

/** Which of its four states a panel draws. An answer that is there stays on the screen while a later question fails. */
export function viewOf(resource: Resource<unknown> | undefined, empty: boolean): View {
  if (resource && resource.data === undefined) {
    if (resource.error) return 'error';
    if (resource.loading || !empty) return 'loading';
  }
  return empty ? 'empty' : 'ready';
}

export class Resource<T> {
  data = $state.raw<T | undefined>(undefined);
  error = $state.raw<ApiError | undefined>(undefined);
  loading = $state(true);
  /** Our clock when `data` arrived. */
  at = $state(0);
  private again: (() => void) | undefined;
  private rearm: (() => void) | undefined;

  /**
   * `question` is read reactively: what it touches before returning the asking function makes the resource ask anew.
   * It returns undefined while there is nothing to ask. `everyMs` 0: ask once. A period that changes only sets the clock anew.
   */
  constructor(question: () => Ask<T> | undefined, everyMs: () => number = () => 0) {
    $effect(() => {
      const ask = question();
      if (!ask) {
        this.rearm = undefined;
        this.data = undefined;
        this.error = undefined;
        this.loading = false;
        return undefined;
      }
      return this.run(ask, () => untrack(everyMs));
    });
    $effect(() => {
      everyMs();
      untrack(() => this.rearm?.());
    });
  }

  /** Asks now. */
  reload(): void {
    this.again?.();
  }

  private run(ask: Ask<T>, everyMs: () => number): () => void {
    let controller = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const next = (): void => {
      clearTimeout(timer);
      const period = everyMs();
      const wait = this.error ? Math.max(period, 5000) : period;
      if (wait > 0 && !ended) timer = setTimeout(() => (live.paused ? next() : void step(true)), wait);
    };
    /** `byItself`: nobody asked, time did. What it brings is not shown on a page that was stopped meanwhile. */
    const step = async (byItself = false): Promise<void> => {
      if (document.hidden) return next();
      controller.abort();
      controller = new AbortController();
      const mine = controller;
      this.loading = true;
      try {
        const answer = await ask(mine.signal);
        if (mine !== controller || ended) return;
        if (!(byItself && live.paused)) {
          this.data = answer;
          this.error = undefined;
          this.at = Date.now();
        }
      } catch (error) {
        if (isAbort(error) || mine !== controller || ended) return;
        this.error = asApiError(error);
      }
      this.loading = false;
      next();
    };
    const shown = (): void => {
      if (!document.hidden && everyMs() > 0 && !live.paused) void step(true);
    };
    this.again = () => void step();
    this.rearm = next;
    document.addEventListener('visibilitychange', shown);
    void step();
    return () => {
      ended = true;
      clearTimeout(timer);
      controller.abort();
      document.removeEventListener('visibilitychange', shown);
    };
  }
}
