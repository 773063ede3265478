// The overview's panels, in reading order. A panel is one folder and one line here.

import type { Component } from 'svelte';
import Budget from './Budget/Budget.svelte';
import FirstSteps from './FirstSteps/FirstSteps.svelte';
import Health from './Health/Health.svelte';
import Host from './Host/Host.svelte';
import NewestIncidents from './NewestIncidents/NewestIncidents.svelte';
import Protocols from './Protocols/Protocols.svelte';
import Scatter from './Scatter/Scatter.svelte';
import Sources from './Sources/Sources.svelte';
import Talkers from './Talkers/Talkers.svelte';
import Traffic from './Traffic/Traffic.svelte';

export interface PanelEntry {
  id: string;
  /** `top` spans the page; `main` is the wide column, `side` the narrow one. */
  place: 'top' | 'main' | 'side';
  panel: Component;
}

export const OVERVIEW: readonly PanelEntry[] = [
  { id: 'health', place: 'top', panel: Health },
  { id: 'traffic', place: 'main', panel: Traffic },
  { id: 'sources', place: 'main', panel: Sources },
  { id: 'host', place: 'main', panel: Host },
  { id: 'scatter', place: 'main', panel: Scatter },
  { id: 'first', place: 'side', panel: FirstSteps },
  { id: 'newest', place: 'side', panel: NewestIncidents },
  { id: 'budget', place: 'side', panel: Budget },
  { id: 'protocols', place: 'side', panel: Protocols },
  { id: 'talkers', place: 'side', panel: Talkers },
];
