// The Settings page's panels, in reading order. A panel is one file and one line here.

import type { Component } from 'svelte';
import type { Role } from '../api/types';
import type { SettingsPage } from '../state/settings.svelte';
import Audit from './Settings/Audit.svelte';
import Budget from './Settings/Budget.svelte';
import Changes from './Settings/Changes.svelte';
import Detection from './Settings/Detection.svelte';
import FirstQuestions from './Settings/FirstQuestions.svelte';
import Network from './Settings/Network.svelte';
import Notifications from './Settings/Notifications.svelte';
import Presets from './Settings/Presets.svelte';
import Reports from './Settings/Reports.svelte';
import Retention from './Settings/Retention.svelte';
import Scanning from './Settings/Scanning.svelte';
import Telling from './Settings/Telling.svelte';
import Suppressions from './Settings/Suppressions.svelte';
import ThreatLists from './Settings/ThreatLists.svelte';
import Tokens from './Settings/Tokens.svelte';
import Users from './Settings/Users.svelte';

export interface SettingsPanel {
  id: string;
  title: string;
  /** Who sees it; everybody when absent. */
  role?: Role;
  panel: Component<{ settings: SettingsPage }>;
}

export const SETTINGS: readonly SettingsPanel[] = [
  { id: 'setup', title: 'First start and file', panel: FirstQuestions },
  { id: 'budget', title: 'Alert budget', panel: Budget },
  { id: 'suppressions', title: 'Suppressions', panel: Suppressions },
  { id: 'notifications', title: 'Notifications', panel: Notifications },
  { id: 'telling', title: 'Messages', panel: Telling },
  { id: 'threat-lists', title: 'Threat lists', panel: ThreatLists },
  { id: 'presets', title: 'Presets', panel: Presets },
  { id: 'detection', title: 'Detection', panel: Detection },
  { id: 'retention', title: 'Retention', panel: Retention },
  { id: 'scanning', title: 'Scans', panel: Scanning },
  { id: 'reports', title: 'Reports', panel: Reports },
  { id: 'network', title: 'Sources and networks', panel: Network },
  { id: 'users', title: 'Users', role: 'admin', panel: Users },
  { id: 'tokens', title: 'API tokens', role: 'admin', panel: Tokens },
  { id: 'audit', title: 'Audit log', role: 'admin', panel: Audit },
  { id: 'changes', title: 'Changed by hand', panel: Changes },
];
