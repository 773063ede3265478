// Short words at the edge of the window about what was just done, with the way back. At most a few at once; each goes by itself.

export interface Toast {
  id: number;
  text: string;
  bad: boolean;
  action?: { label: string; run: () => void };
}

const STAYS_MS = 12_000;
const SHOWN_MAX = 3;

class Toasts {
  items = $state.raw<Toast[]>([]);
  private last = 0;

  say(text: string, options: { bad?: boolean; action?: Toast['action'] } = {}): void {
    this.last += 1;
    const id = this.last;
    const toast: Toast = { id, text, bad: options.bad ?? false };
    if (options.action) toast.action = options.action;
    this.items = [...this.items, toast].slice(-SHOWN_MAX);
    setTimeout(() => this.dismiss(id), STAYS_MS);
  }

  dismiss(id: number): void {
    this.items = this.items.filter((toast) => toast.id !== id);
  }
}

export const toasts = new Toasts();
