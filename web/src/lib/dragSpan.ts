// Dragging over a chart chooses a time range, the same way on every chart that is drawn as SVG. Owns the pointer while it is down and
// the strip that shows what is chosen; knows only shares of the width.

/** Narrower than this is a click. */
const LEAST_PX = 5;

interface Wants {
  /** Unix ms at the left and at the right edge. */
  span: [number, number];
  onrange: (from: number, to: number) => void;
}

/** For `{@attach}` on a box that is as wide as the time it shows. */
export function dragSpan(wants: () => Wants) {
  return (node: HTMLElement): (() => void) => {
    const strip = document.createElement('div');
    strip.className = 'drag-span';
    strip.hidden = true;
    node.append(strip);
    let start: number | undefined;

    const share = (event: PointerEvent): number => {
      const box = node.getBoundingClientRect();
      return Math.min(1, Math.max(0, (event.clientX - box.left) / Math.max(1, box.width)));
    };
    const draw = (a: number, b: number): void => {
      strip.style.left = `${Math.min(a, b) * 100}%`;
      strip.style.width = `${Math.abs(a - b) * 100}%`;
    };
    const down = (event: PointerEvent): void => {
      if (event.button !== 0 || event.pointerType === 'touch') return;
      start = share(event);
      node.setPointerCapture(event.pointerId);
    };
    const move = (event: PointerEvent): void => {
      if (start === undefined) return;
      const now = share(event);
      if (strip.hidden && Math.abs(now - start) * node.clientWidth < LEAST_PX) return;
      strip.hidden = false;
      draw(start, now);
    };
    const up = (event: PointerEvent): void => {
      if (start === undefined) return;
      const [a, b] = [Math.min(start, share(event)), Math.max(start, share(event))];
      const dragged = !strip.hidden;
      start = undefined;
      strip.hidden = true;
      if (!dragged) return;
      const { span, onrange } = wants();
      onrange(span[0] + a * (span[1] - span[0]), span[0] + b * (span[1] - span[0]));
    };
    const lost = (): void => {
      start = undefined;
      strip.hidden = true;
    };
    node.addEventListener('pointerdown', down);
    node.addEventListener('pointermove', move);
    node.addEventListener('pointerup', up);
    node.addEventListener('pointercancel', lost);
    return () => {
      node.removeEventListener('pointerdown', down);
      node.removeEventListener('pointermove', move);
      node.removeEventListener('pointerup', up);
      node.removeEventListener('pointercancel', lost);
      strip.remove();
    };
  };
}
