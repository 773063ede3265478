// What people say of hosts: the one way to say it, and the news that it was said, for lists that ask themselves.

import { patch } from '../api/client';
import type { Host, HostPatch } from '../api/types';

class Hosts {
  /** Bumped when something was said. */
  changes = $state(0);

  async say(ip: string, what: HostPatch): Promise<Host> {
    const row = await patch<Host>(`/hosts/${encodeURIComponent(ip)}`, what);
    this.changes += 1;
    return row;
  }
}

export const hosts = new Hosts();
