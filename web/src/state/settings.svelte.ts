// The settings as one question for the whole page, and the one way to change them. Owns the asking; panels only draw.

import { asApiError, get, patch, post, type ApiError } from '../api/client';
import type { Preset, SettingValue, Settings, SettingsPatch, SettingsPreview } from '../api/types';
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
  async change(body: SettingsPatch, done: string, back?: Record<string, SettingValue>): Promise<ApiError | undefined> {
    this.busy = true;
    try {
      this.resource.data = await patch<Settings>('/settings', this.#versioned(body));
      const undo = back && { action: { label: 'Undo', run: () => void this.change({ values: back }, 'Taken back') } };
      if (done) toasts.say(done, undo ?? {});
      return undefined;
    } catch (error) {
      return asApiError(error);
    } finally {
      this.busy = false;
    }
  }

  /** What a change would do, or why it cannot be said. */
  async preview(body: SettingsPatch): Promise<SettingsPreview | ApiError> {
    this.busy = true;
    try {
      return await post<SettingsPreview>('/settings/preview', body);
    } catch (error) {
      return asApiError(error);
    } finally {
      this.busy = false;
    }
  }

  /** What was changed by hand since this page looked is not written over. */
  #versioned(body: SettingsPatch): SettingsPatch {
    const version = this.resource.data?.version;
    return version ? { version, ...body } : body;
  }

  /** Was it set in the file that this page writes, so that it can be taken back here? */
  own(item: { source: string; changeable: boolean }): boolean {
    const data = this.resource.data;
    return item.changeable && (item.source === 'dashboard' || (item.source === 'file' && data !== undefined && data.file === data.config_file));
  }

  /** What a key would be set back to: what was set here before, or nothing. */
  before(keys: readonly string[]): Record<string, SettingValue> {
    const items = this.resource.data?.items ?? [];
    return Object.fromEntries(keys.map((key) => {
      const item = items.find((one) => one.key === key);
      return [key, item && this.own(item) ? item.value : null];
    }));
  }
}
