// Where axis labels stand: round times, decades, round numbers. Pure.

const SECOND = 1000;
const STEPS_MS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10_800, 21_600, 43_200, 86_400, 172_800, 604_800].map((s) => s * SECOND);

const two = (n: number): string => String(n).padStart(2, '0');

/** Round local times between from and to, about `target` of them, with the shortest label that tells them apart. */
export function timeTicks(from: number, to: number, target: number): { at: number; label: string }[] {
  const step = STEPS_MS.find((s) => (to - from) / s <= target) ?? 604_800_000;
  const shift = new Date(from).getTimezoneOffset() * 60_000;
  const out: { at: number; label: string }[] = [];
  for (let at = Math.ceil((from - shift) / step) * step + shift; at <= to; at += step) {
    const date = new Date(at);
    const time = `${two(date.getHours())}:${two(date.getMinutes())}`;
    const label = step >= 86_400_000 ? `${two(date.getMonth() + 1)}-${two(date.getDate())}` : step >= 60_000 ? time : `${time}:${two(date.getSeconds())}`;
    out.push({ at, label });
  }
  return out;
}

/** Powers of ten inside the range; every second or third when they would crowd. */
export function decades(low: number, high: number, target = 8): number[] {
  const first = Math.ceil(Math.log10(low) - 1e-9);
  const last = Math.floor(Math.log10(high) + 1e-9);
  const stride = Math.max(1, Math.ceil((last - first + 1) / target));
  const out: number[] = [];
  for (let power = first; power <= last; power += stride) out.push(10 ** power);
  return out;
}
