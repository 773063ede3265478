// What a person does to incidents: one or the selected ones, always with the way back.

import { asApiError } from '../api/client';
import type { Incident, IncidentStatus } from '../api/types';
import { plural } from '../lib/format';
import { statusName } from '../lib/words';
import { changeIncident, incidents } from './incidents.svelte';
import { toasts } from './toasts.svelte';

/** Incidents that can be selected at once: each is its own request. */
export const SELECTED_MAX = 500;
/** Requests under way at once. */
const AT_ONCE = 4;

class Triage {
  /** Selected incidents by id, with what is known of them. */
  selected = $state.raw<ReadonlyMap<string, Incident>>(new Map());
  busy = $state(false);
  done = $state(0);

  toggle(incident: Incident): void {
    const next = new Map(this.selected);
    if (!next.delete(incident.id) && next.size < SELECTED_MAX) next.set(incident.id, incident);
    this.selected = next;
  }

  select(list: readonly Incident[]): void {
    this.selected = new Map(list.slice(0, SELECTED_MAX).map((incident) => [incident.id, incident]));
  }

  clear(): void {
    if (this.selected.size > 0) this.selected = new Map();
  }

  /** Moves the selected ones, and offers to put each back where it was. */
  async move(status: IncidentStatus): Promise<void> {
    const all = [...this.selected.values()].filter((incident) => incident.status !== status);
    const before = all.map((incident): [string, IncidentStatus] => [incident.id, incident.status]);
    const moved = await this.each(all.map((incident): [string, IncidentStatus] => [incident.id, status]));
    this.clear();
    const back = before.slice(0, moved);
    if (moved > 0) toasts.say(`${plural(moved, 'incident')}: ${statusName(status).toLowerCase()}`, { action: { label: 'Undo', run: () => void this.back(back) } });
  }

  /** One incident was moved elsewhere: says so, with the way back. */
  told(incident: Incident, before: IncidentStatus): void {
    toasts.say(`${statusName(incident.status)}: ${incident.title}`, { action: { label: 'Undo', run: () => void this.back([[incident.id, before]]) } });
  }

  private async back(list: readonly [string, IncidentStatus][]): Promise<void> {
    const moved = await this.each(list);
    if (moved > 0) toasts.say(`${plural(moved, 'incident')} back where ${moved === 1 ? 'it was' : 'they were'}`);
  }

  /** How many were moved before the first failure, which is told. */
  private async each(list: readonly [string, IncidentStatus][]): Promise<number> {
    this.busy = true;
    this.done = 0;
    try {
      for (let at = 0; at < list.length; at += AT_ONCE) {
        const part = list.slice(at, at + AT_ONCE);
        await Promise.all(part.map(([id, status]) => changeIncident(id, { status })));
        this.done += part.length;
      }
    } catch (error) {
      const failure = asApiError(error);
      toasts.say(`After ${plural(this.done, 'incident')}: ${failure.detail || failure.title}`, { bad: true });
    } finally {
      this.busy = false;
      incidents.changes += 1;
    }
    return this.done;
  }
}

export const triage = new Triage();
