// Light or dark: the system's choice until the reader makes another, which is kept in this browser.

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'tripline.theme';

function stored(): Theme {
  try {
    const value = localStorage.getItem(KEY);
    return value === 'light' || value === 'dark' ? value : 'system';
  } catch {
    return 'system';
  }
}

class ThemeState {
  choice = $state<Theme>(stored());
  private systemDark = $state(matchMedia('(prefers-color-scheme: dark)').matches);
  readonly dark: boolean = $derived(this.choice === 'system' ? this.systemDark : this.choice === 'dark');

  constructor() {
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', (event) => {
      this.systemDark = event.matches;
      this.apply();
    });
    this.apply();
  }

  set(choice: Theme): void {
    this.choice = choice;
    try {
      if (choice === 'system') localStorage.removeItem(KEY);
      else localStorage.setItem(KEY, choice);
    } catch {
      // A browser that keeps nothing still shows the choice until it is closed.
    }
    this.apply();
  }

  /** System, light, dark, system … */
  cycle(): void {
    this.set(this.choice === 'system' ? (this.systemDark ? 'light' : 'dark') : this.dark === this.systemDark ? 'system' : this.dark ? 'light' : 'system');
  }

  private apply(): void {
    document.documentElement.dataset['theme'] = this.dark ? 'dark' : 'light';
  }
}

export const theme = new ThemeState();

/** A token's value as the page shows it now, for canvases. */
export function token(name: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}
