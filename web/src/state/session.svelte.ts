// Who is logged in and what that allows. Owns the way to the log-in page and back; decides nothing that the server does not decide too.

import { get, post, trust } from '../api/client';
import type { Role, Session } from '../api/types';

const RANK: Record<Role, number> = { viewer: 0, analyst: 1, admin: 2 };

class SessionState {
  /** Undefined: not answered yet, or by a server without log-in. */
  view = $state.raw<Session | undefined>(undefined);
  private leaving = false;

  start(): void {
    trust(null, () => this.toLogin('ended'));
    get<Session>('/session').then((view) => this.take(view), () => undefined);
  }

  take(view: Session): void {
    this.view = view;
    trust(view.csrf, () => this.toLogin('ended'));
  }

  /** Until the server has answered nothing is hidden that it would allow. */
  may(role: Role): boolean {
    const view = this.view;
    return !view || (RANK[view.role] >= RANK[role] && (role === 'viewer' || !view.read_only));
  }

  async logOut(): Promise<void> {
    await post('/logout');
    this.toLogin('');
  }

  private toLogin(said: string): void {
    if (this.leaving) return;
    this.leaving = true;
    const params = new URLSearchParams(said ? { next: location.pathname + location.search, said } : {});
    location.assign(`/login${params.size > 0 ? `?${params.toString()}` : ''}`);
  }
}

export const session = new SessionState();
