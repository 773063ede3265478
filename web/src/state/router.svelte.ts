// The address bar as reactive state. Pages and panels read `place`, and change it only through here.

import { formatRange, parseRange, type Range } from '../lib/range';
import { formatPlace, parsePlace, toPage, withParams, type Patch, type Place } from '../lib/url';

class Router {
  place = $state.raw<Place>(parsePlace(location.pathname, location.search));
  readonly range: Range = $derived(parseRange(this.place.params['range']));

  constructor() {
    window.addEventListener('popstate', () => {
      this.place = parsePlace(location.pathname, location.search);
    });
    document.addEventListener('click', (event) => this.intercept(event));
  }

  param(name: string): string {
    return this.place.params[name] ?? '';
  }

  /** Changes parameters of this page. `replace` for typing and moving a selection, so that Back stays useful. */
  set(patch: Patch, replace = false): void {
    this.go(withParams(this.place, patch), replace);
  }

  setRange(range: Range): void {
    this.set({ range: range.key === 'live' ? undefined : formatRange(range) });
  }

  /** Address of another page with the range kept. */
  href(path: string, patch: Patch = {}): string {
    return formatPlace(toPage(this.place, path, patch));
  }

  open(path: string, patch: Patch = {}): void {
    this.go(toPage(this.place, path, patch), false);
  }

  private go(next: Place, replace: boolean): void {
    const address = formatPlace(next);
    if (address === formatPlace(this.place)) return;
    if (replace) history.replaceState(null, '', address);
    else history.pushState(null, '', address);
    if (next.path !== this.place.path) window.scrollTo(0, 0);
    this.place = next;
  }

  private intercept(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download')) return;
    const url = new URL(link.href, location.href);
    if (url.origin !== location.origin || url.pathname.startsWith('/api/') || url.pathname.startsWith('/docs') || url.pathname === '/openapi.json') return;
    event.preventDefault();
    this.go(parsePlace(url.pathname, url.search), false);
  }
}

export const router = new Router();
