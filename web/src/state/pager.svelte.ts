// A list that pages by cursor: the first page as a resource, the rest on demand, bounded.

import { asApiError, get, isAbort, type ApiError, type Params } from '../api/client';
import type { Page } from '../api/types';
import { Resource } from './resource.svelte';

export const PAGER_MAX = 50_000;

export class Pager<T> {
  readonly first: Resource<Page<T>>;
  items = $state.raw<T[]>([]);
  total = $state(0);
  cursor = $state.raw<string | null>(null);
  loadingMore = $state(false);
  moreError = $state.raw<ApiError | undefined>(undefined);
  private params: Params = {};
  private controller: AbortController | undefined;

  /** `question` is read reactively, as a resource's. */
  constructor(
    private readonly path: string,
    question: () => Params,
    everyMs: () => number = () => 0,
    /** Where the order may change between two pages, a row could come twice: this tells rows apart. */
    private readonly keyOf?: (item: T) => string,
  ) {
    this.first = new Resource<Page<T>>(() => {
      const params = question();
      return (signal) => {
        this.params = params;
        return get<Page<T>>(path, { limit: 200, ...params }, signal);
      };
    }, everyMs);
    $effect(() => {
      const page = this.first.data;
      this.controller?.abort();
      this.items = page?.items ?? [];
      this.total = page?.total ?? 0;
      this.cursor = page?.next_cursor ?? null;
      this.moreError = undefined;
      this.loadingMore = false;
    });
    $effect(() => () => this.controller?.abort());
  }

  get full(): boolean {
    return this.items.length >= PAGER_MAX;
  }

  /** The next page, when there is one and none is on its way. */
  async more(): Promise<void> {
    const cursor = this.cursor;
    if (cursor === null || this.loadingMore || this.full || this.moreError) return;
    this.loadingMore = true;
    const controller = new AbortController();
    this.controller = controller;
    try {
      const page = await get<Page<T>>(this.path, { limit: 500, ...this.params, cursor }, controller.signal);
      this.items = this.items.concat(this.unseen(page.items));
      this.cursor = page.next_cursor;
      this.total = page.total;
    } catch (error) {
      if (isAbort(error)) return;
      this.moreError = asApiError(error);
    }
    this.loadingMore = false;
  }

  private unseen(items: T[]): T[] {
    const keyOf = this.keyOf;
    if (!keyOf) return items;
    const seen = new Set(this.items.map(keyOf));
    return items.filter((item) => !seen.has(keyOf(item)));
  }

  retry(): void {
    this.moreError = undefined;
    void this.more();
  }
}
