// Scans as one question for the whole page: what is allowed, what runs, what comes next; kept moving by the live stream. Owns the
// asking to scan and to cancel; panels only draw.

import { asApiError, get, post, sendFile, type ApiError } from '../api/client';
import type { ScanAsked, ScanRow, ScansState } from '../api/types';
import { plural } from '../lib/format';
import { runningAfter } from '../lib/scans';
import { live } from './live.svelte';
import { Resource } from './resource.svelte';
import { router } from './router.svelte';
import { toasts } from './toasts.svelte';

const EVERY_MS = 15_000;
/** While one runs: should the stream be cut, the bar moves all the same. */
const RUNNING_MS = 3_000;

export class ScansPage {
  readonly resource: Resource<ScansState>;
  /** Bumped when a scan began or ended: lists ask again. */
  changes = $state(0);
  /** Bumped when one ended: what it found is asked again. */
  ends = $state(0);
  /** The newest word of each scan that was told while this page is open; a handful. */
  told = $state.raw<ReadonlyMap<string, ScanRow>>(new Map());
  /** Scans that somebody asked to end, until they have. */
  cancelling = $state.raw<ReadonlySet<string>>(new Set());

  /** A file is on its way. */
  importing = $state(false);

  constructor() {
    this.resource = new Resource<ScansState>(
      () => {
        void live.resets;
        return (signal) => get('/scans/state', {}, signal);
      },
      () => ((this.resource?.data?.running.length ?? 0) > 0 ? RUNNING_MS : EVERY_MS),
    );
    $effect(() => live.on('scan', (scan) => this.hear(scan)));
  }

  get running(): readonly ScanRow[] {
    return this.resource.data?.running ?? [];
  }

  /** The row, or what was told of it since. */
  newest(row: ScanRow): ScanRow {
    const told = this.told.get(row.id);
    return told && (row.state === 'running' || told.state !== 'running') ? told : row;
  }

  private hear(scan: ScanRow): void {
    const before = this.told.get(scan.id)?.state;
    this.told = new Map([...this.told, [scan.id, scan] as const].slice(-50));
    if (this.resource.data) this.resource.data = runningAfter(this.resource.data, scan);
    if (scan.state !== 'running') this.ended(scan.id);
    if (before === scan.state) return;
    this.changes += 1;
    if (scan.state === 'running') return;
    this.ends += 1;
    this.resource.reload();
  }

  private ended(id: string): void {
    if (!this.cancelling.has(id)) return;
    this.cancelling = new Set([...this.cancelling].filter((other) => other !== id));
  }

  /** The scan that began, or why none did. */
  async run(asked: ScanAsked): Promise<{ scan: ScanRow } | { error: ApiError }> {
    try {
      const scan = await post<ScanRow>('/scans', asked);
      this.hear(scan);
      this.resource.reload();
      return { scan };
    } catch (error) {
      return { error: asApiError(error) };
    }
  }

  /** Takes in a file of nmap's (`nmap -oX`); why it was refused, when it was. */
  async importFile(file: File): Promise<ApiError | undefined> {
    this.importing = true;
    try {
      const scan = await sendFile<ScanRow>('/scans/import', {}, file, () => undefined).answer;
      this.changes += 1;
      this.ends += 1;
      this.resource.reload();
      toasts.say(`${file.name} was taken in: ${plural(scan.hosts_up, 'host')}`, { action: { label: 'Show', run: () => router.open('/scans', { sel: scan.id }) } });
      return undefined;
    } catch (error) {
      return asApiError(error);
    } finally {
      this.importing = false;
    }
  }

  async cancel(scan: ScanRow): Promise<void> {
    this.cancelling = new Set([...this.cancelling, scan.id]);
    try {
      this.hear(await post<ScanRow>(`/scans/${encodeURIComponent(scan.id)}/cancel`));
    } catch (error) {
      this.ended(scan.id);
      const failure = asApiError(error);
      // It may have ended in the meantime: what is shown is asked again either way.
      toasts.say(failure.detail || failure.title, { bad: true });
      this.resource.reload();
      this.changes += 1;
    }
  }
}
