// The settings as one question for the whole page, and the one way to change them. Owns the asking; panels only draw.

import { asApiError, get, patch, type ApiError } from '../api/client';
import type { Preset, SettingValue, Settings } from '../api/types';
import { Resource } from './resource.svelte';
import { toasts } from './toasts.svelte';

const EVERY_MS = 20_000;

export class SettingsPage {
  readonly resource: Resource<Settings>;
  readonly presets: Resource<{ items: Preset[] }>;
  busy = $state(false);

  /** `renewed` false: asked once, for those who only want to know how it stands. */
  constructor(renewed = true) {
    this.resource = new Resource<Settings>(
      () => (signal) => get('/settings', {}, signal),
      () => (renewed ? EVERY_MS : 0),
    );
    this.presets = new Resource<{ items: Preset[] }>(() => {
      void this.resource.data;
      return (signal) => get('/presets', {}, signal);
    });
  }

  /** What was wrong with it, when something was. `back` undoes it from the toast. */
  async change(body: { values?: Record<string, SettingValue>; preset?: string }, done: string, back?: Record<string, SettingValue>): Promise<ApiError | undefined> {
    this.busy = true;
    try {
      this.resource.data = await patch<Settings>('/settings', body);
      const undo = back && { action: { label: 'Undo', run: () => void this.change({ values: back }, 'Taken back') } };
      if (done) toasts.say(done, undo ?? {});
      return undefined;
    } catch (error) {
      return asApiError(error);
    } finally {
      this.busy = false;
    }
  }

  /** What a key would be set back to: what was set here before, or nothing. */
  before(keys: readonly string[]): Record<string, SettingValue> {
    const items = this.resource.data?.items ?? [];
    return Object.fromEntries(keys.map((key) => {
      const item = items.find((one) => one.key === key);
      return [key, item?.source === 'dashboard' ? item.value : null];
    }));
  }
}
