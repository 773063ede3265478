// The Models page's panels, in reading order. A panel is one file and one line here.

import type { Component } from 'svelte';
import type { ModelsPage } from '../state/models.svelte';
import Agreement from './Models/Agreement.svelte';
import Challenge from './Models/Challenge.svelte';
import Data from './Models/Data.svelte';
import DriftChart from './Models/Drift.svelte';
import Events from './Models/Events.svelte';
import Members from './Models/Members.svelte';
import Questions from './Models/Questions.svelte';
import Stability from './Models/Stability.svelte';
import State from './Models/State.svelte';
import Verdicts from './Models/Verdicts.svelte';
import Versions from './Models/Versions.svelte';

export interface ModelsPanel {
  id: string;
  place: 'top' | 'main' | 'side';
  panel: Component<{ models: ModelsPage }>;
}

export const MODELS: readonly ModelsPanel[] = [
  { id: 'state', place: 'top', panel: State },
  { id: 'members', place: 'main', panel: Members },
  { id: 'drift', place: 'main', panel: DriftChart },
  { id: 'stability', place: 'main', panel: Stability },
  { id: 'challenge', place: 'main', panel: Challenge },
  { id: 'versions', place: 'main', panel: Versions },
  { id: 'questions', place: 'side', panel: Questions },
  { id: 'data', place: 'side', panel: Data },
  { id: 'agreement', place: 'side', panel: Agreement },
  { id: 'verdicts', place: 'side', panel: Verdicts },
  { id: 'events', place: 'side', panel: Events },
];
