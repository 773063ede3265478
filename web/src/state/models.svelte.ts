// The models as one question for the whole page, and what can be asked of them. Owns the asking; panels only draw.

import { asApiError, get, post, upload, type ApiError } from '../api/client';
import type { Models } from '../api/types';
import { Resource } from './resource.svelte';
import { toasts } from './toasts.svelte';

const EVERY_MS = 2_000;

export class ModelsPage {
  readonly resource = new Resource<Models>(
    () => (signal) => get('/models', {}, signal),
    () => EVERY_MS,
  );
  busy = $state(false);
  failure = $state.raw<ApiError | undefined>(undefined);

  async retrain(): Promise<void> {
    await this.ask(() => post('/models/retrain'), 'A training has begun. The models in place judge until it has ended.');
  }

  async rollBack(kind: string, version: number): Promise<void> {
    await this.ask(() => post('/models/rollback', { version, kind }), `Version ${version} is in place and judges from now on.`);
  }

  /** Hands over a model and its manifest; what was wrong with them, when something was. */
  async importFiles(files: readonly File[]): Promise<ApiError | undefined> {
    const form = new FormData();
    for (const file of files) form.append('file', file, file.name);
    await this.ask(() => upload('/models/import', form), 'The model was taken in: its line says where it stands.');
    return this.failure;
  }

  private async ask(question: () => Promise<unknown>, done: string): Promise<void> {
    this.busy = true;
    this.failure = undefined;
    try {
      await question();
      toasts.say(done);
    } catch (error) {
      this.failure = asApiError(error);
      toasts.say(this.failure.detail || this.failure.title, { bad: true });
    } finally {
      this.busy = false;
      this.resource.reload();
    }
  }
}
