// Names of countries by their ISO code, as the browser knows them. Pure.

let names: Intl.DisplayNames | undefined;

/** `DE` → Germany; what is no code stands for itself. */
export function countryName(code: string): string {
  names ??= new Intl.DisplayNames(['en'], { type: 'region' });
  try {
    return names.of(code) ?? code;
  } catch {
    return code;
  }
}
