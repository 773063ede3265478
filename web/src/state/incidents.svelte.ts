// The incidents of the shown range, shared by the wire, the marks on the charts and the announcements, kept fresh by
// the live stream. Panels with their own filter ask for themselves.

import { untrack } from 'svelte';
import { get, patch } from '../api/client';
import type { FeedbackGiven, Incident, IncidentStatus, Page } from '../api/types';
import { bounds } from '../lib/range';
import { live } from './live.svelte';
import { router } from './router.svelte';

const SHOWN_MAX = 200;

class IncidentFeed {
  items = $state.raw<Incident[]>([]);
  total = $state(0);
  /** What the polite live region says. */
  announcement = $state('');
  /** Bumped on every change from the stream, for panels that ask themselves. */
  changes = $state(0);
  private controller: AbortController | undefined;

  start(): void {
    live.on('incident', (incident) => this.merge(incident));
    $effect.root(() => {
      $effect(() => {
        void router.range;
        void live.resets;
        void live.status;
        void this.load();
      });
    });
  }

  async load(): Promise<void> {
    this.controller?.abort();
    this.controller = new AbortController();
    const [from, to] = bounds(router.range, untrack(() => live.now));
    const window = router.range.key === 'custom' ? { from: iso(from), to: iso(to) } : { from: iso(from - 600_000) };
    try {
      const page = await get<Page<Incident>>('/incidents', { ...window, limit: SHOWN_MAX }, this.controller.signal);
      this.items = page.items;
      this.total = page.total;
    } catch {
      // The wire simply shows no knots; the incidents panels tell the error.
    }
  }

  private merge(incident: Incident): void {
    const known = this.items.some((i) => i.id === incident.id);
    this.items = [incident, ...this.items.filter((i) => i.id !== incident.id)].slice(0, SHOWN_MAX);
    this.changes += 1;
    if (!known) {
      this.total += 1;
      if (!incident.over_budget && !incident.suppressed_by) this.announcement = `New incident, ${incident.severity}: ${incident.title}`;
    }
  }
}

export const iso = (ms: number): string => new Date(ms).toISOString();

/** What a person says of a detection; `verdict` null takes it back. */
export function giveFeedback(id: string, feedback: FeedbackGiven): Promise<Incident> {
  return patch<Incident>(`/incidents/${encodeURIComponent(id)}`, { feedback });
}

export function changeIncident(id: string, body: { status?: IncidentStatus; note?: string }): Promise<Incident> {
  return patch<Incident>(`/incidents/${encodeURIComponent(id)}`, body);
}

export const incidents = new IncidentFeed();
