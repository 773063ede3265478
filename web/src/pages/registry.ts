// The pages, in the order of the navigation. A page is one line here and one file beside.

import type { Component } from 'svelte';

export interface PageEntry {
  path: string;
  title: string;
  /** The letter after `g`. */
  key: string;
  load: () => Promise<{ default: Component }>;
}

export const PAGES: readonly PageEntry[] = [
  { path: '/', title: 'Overview', key: 'o', load: () => import('./Overview.svelte') },
  { path: '/packets', title: 'Packets', key: 'p', load: () => import('./Packets.svelte') },
  { path: '/flows', title: 'Flows', key: 'f', load: () => import('./Flows.svelte') },
  { path: '/incidents', title: 'Incidents', key: 'i', load: () => import('./Incidents.svelte') },
  { path: '/hosts', title: 'Hosts', key: 'h', load: () => import('./Hosts.svelte') },
  { path: '/scans', title: 'Scans', key: 'n', load: () => import('./Scans.svelte') },
  { path: '/trends', title: 'Trends', key: 't', load: () => import('./Trends.svelte') },
  { path: '/captures', title: 'Captures', key: 'c', load: () => import('./Captures.svelte') },
  { path: '/models', title: 'Models', key: 'm', load: () => import('./Models.svelte') },
  { path: '/settings', title: 'Settings', key: 's', load: () => import('./Settings.svelte') },
];

/** Pages that are not in the navigation. */
export const UNLISTED: readonly Omit<PageEntry, 'key'>[] = [{ path: '/setup', title: 'First start', load: () => import('./Setup.svelte') }];
