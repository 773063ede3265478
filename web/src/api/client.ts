// One way to ask the server: JSON in, JSON out, RFC 9457 problems as errors that say what to do. No state, no retry.

export const BASE = '/api/v1';

/** What must stand beside every change while somebody is logged in; GET /session tells it. */
let csrf: string | null = null;
let whenLoggedOut: () => void = () => undefined;
/** Who is logged in changes both; see state/session. */
export function trust(token: string | null, loggedOut: () => void): void {
  csrf = token;
  whenLoggedOut = loggedOut;
}
/** The log-in has ended, whoever noticed. */
export const noticeLoggedOut = (): void => whenLoggedOut();

/** What went wrong, in words a person can act on. `status` 0: the server could not be reached. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    readonly detail: string,
  ) {
    super(detail || title);
    this.name = 'ApiError';
  }
}

export type Params = Record<string, string | number | undefined | null>;

/** `/api/v1` + path + the parameters that have a value. */
export function apiUrl(path: string, params: Params = {}): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(params)) {
    if (value !== undefined && value !== null && value !== '') query.set(name, String(value));
  }
  const text = query.toString();
  return BASE + path + (text ? `?${text}` : '');
}

async function problem(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { title?: string; detail?: string };
    return new ApiError(response.status, body.title ?? response.statusText, body.detail ?? '');
  } catch {
    return new ApiError(response.status, response.statusText || `HTTP ${response.status}`, '');
  }
}

async function ask<T>(url: string, init: RequestInit): Promise<T> {
  let response: Response;
  if (csrf !== null && init.method !== undefined) init.headers = { ...init.headers, 'x-tripline-csrf': csrf };
  try {
    response = await fetch(url, init);
  } catch (cause) {
    if (cause instanceof DOMException && cause.name === 'AbortError') throw cause;
    throw new ApiError(0, 'The server cannot be reached', 'Is tripline still running? This page tries again by itself.');
  }
  if (response.status === 401) whenLoggedOut();
  if (!response.ok) throw await problem(response);
  // No content (204, and 202 of what is only begun): nothing to read.
  const text = await response.text();
  return (text === '' ? undefined : JSON.parse(text)) as T;
}

export function get<T>(path: string, params: Params = {}, signal?: AbortSignal): Promise<T> {
  const init: RequestInit = { headers: { accept: 'application/json' } };
  if (signal) init.signal = signal;
  return ask<T>(apiUrl(path, params), init);
}

export function patch<T>(path: string, body: unknown): Promise<T> {
  return ask<T>(apiUrl(path), {
    method: 'PATCH',
    headers: { accept: 'application/json', 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
}

/** Asks for something to be done; `body` undefined: nothing more to say. */
export function post<T>(path: string, body?: unknown): Promise<T> {
  const init: RequestInit = { method: 'POST', headers: { accept: 'application/json', 'content-type': 'application/json' } };
  if (body !== undefined) init.body = JSON.stringify(body);
  return ask<T>(apiUrl(path), init);
}

/** Hands files over. */
export function upload<T>(path: string, form: FormData): Promise<T> {
  return ask<T>(apiUrl(path), { method: 'POST', headers: { accept: 'application/json' }, body: form });
}

/** Sends one file as it is, telling how far it is (0 to 1): `fetch` cannot tell. `abort` ends it; nothing of it is kept then. */
export function sendFile<T>(path: string, params: Params, file: File, told: (part: number) => void): { answer: Promise<T>; abort: () => void } {
  const request = new XMLHttpRequest();
  const answer = new Promise<T>((resolve, reject) => {
    request.open('POST', apiUrl(path, params));
    request.setRequestHeader('accept', 'application/json');
    request.setRequestHeader('content-type', 'application/octet-stream');
    if (csrf !== null) request.setRequestHeader('x-tripline-csrf', csrf);
    request.upload.onprogress = (event) => told(event.total > 0 ? event.loaded / event.total : 0);
    request.onload = () => {
      let body: { title?: string; detail?: string } = {};
      try {
        body = JSON.parse(request.responseText) as typeof body;
      } catch {
        // Not JSON: the status says what there is to say.
      }
      if (request.status === 401) whenLoggedOut();
      if (request.status >= 200 && request.status < 300) resolve(body as T);
      else reject(new ApiError(request.status, body.title ?? (request.statusText || `HTTP ${request.status}`), body.detail ?? ''));
    };
    request.onerror = () => reject(new ApiError(0, 'The file did not arrive', 'The connection ended. Is tripline still running, and is the file within the bounds below?'));
    request.onabort = () => reject(new DOMException('taken back', 'AbortError'));
    request.send(file);
  });
  return { answer, abort: () => request.abort() };
}

export function remove<T>(path: string): Promise<T> {
  return ask<T>(apiUrl(path), { method: 'DELETE', headers: { accept: 'application/json' } });
}

export function isAbort(error: unknown): boolean {
  return error instanceof DOMException && error.name === 'AbortError';
}

/** Any thrown thing as an ApiError, so that panels draw one shape. */
export function asApiError(error: unknown): ApiError {
  if (error instanceof ApiError) return error;
  return new ApiError(-1, 'This panel failed', error instanceof Error ? error.message : String(error));
}
