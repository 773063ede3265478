// From a value to a pixel and back. Pure.

export interface Scale {
  to(value: number): number;
  from(pixel: number): number;
}

/** Logarithmic; values at or under zero land on `zeroAt`, where single-packet flows (duration 0) have their own lane. */
export function logScale(low: number, high: number, first: number, last: number, zeroAt = first): Scale {
  const a = Math.log10(low);
  const k = (last - first) / (Math.log10(high) - a || 1);
  return {
    to: (value) => (value > 0 ? first + (Math.log10(value) - a) * k : zeroAt),
    from: (pixel) => 10 ** (a + (pixel - first) / k),
  };
}

export function linearScale(low: number, high: number, first: number, last: number): Scale {
  const k = (last - first) / (high - low || 1);
  return { to: (value) => first + (value - low) * k, from: (pixel) => low + (pixel - first) / k };
}

/** Whole decades around the positive values, so that the axes do not twitch with every point. */
export function decadeDomain(low: number, high: number): [number, number] {
  const a = 10 ** Math.floor(Math.log10(Math.max(low, 1e-9)));
  const b = 10 ** Math.ceil(Math.log10(Math.max(high, low, 1e-9)) + 1e-9);
  return [a, b > a ? b : a * 10];
}
