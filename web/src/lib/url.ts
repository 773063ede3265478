// What the address bar holds: page, range, filter, selection and a page's own switches. Pure text in, text out.

export interface Place {
  path: string;
  params: Record<string, string>;
}

/** Parameters every page shares; the rest belongs to one page and is dropped on leaving it. */
export const SHARED = ['range'];

export function parsePlace(pathname: string, search: string): Place {
  const params: Record<string, string> = {};
  for (const [name, value] of new URLSearchParams(search)) params[name] = value;
  const path = pathname.length > 1 && pathname.endsWith('/') ? pathname.slice(0, -1) : pathname || '/';
  return { path, params };
}

/** Sorted, without empty values, so that the same view always has the same address. */
export function formatPlace(place: Place): string {
  const query = new URLSearchParams();
  for (const name of Object.keys(place.params).sort()) {
    const value = place.params[name];
    if (value) query.set(name, value);
  }
  // Colons, commas and slashes are legal in a query and keep the address readable.
  const text = query.toString().replaceAll('%3A', ':').replaceAll('%2C', ',').replaceAll('%2F', '/');
  return place.path + (text ? `?${text}` : '');
}

export type Patch = Record<string, string | undefined>;

/** Same page: parameters changed. */
export function withParams(place: Place, patch: Patch): Place {
  const params = { ...place.params };
  for (const [name, value] of Object.entries(patch)) {
    if (value === undefined || value === '') delete params[name];
    else params[name] = value;
  }
  return { path: place.path, params };
}

/** Another page: only what all pages share goes along. */
export function toPage(place: Place, path: string, patch: Patch = {}): Place {
  const params: Record<string, string> = {};
  for (const name of SHARED) {
    const value = place.params[name];
    if (value) params[name] = value;
  }
  return withParams({ path, params }, patch);
}
