// axe-core in the page, WCAG 2.2 A and AA; what it finds as lines one can act on.

import { readFileSync } from 'node:fs';

const AXE = readFileSync(new URL('../node_modules/axe-core/axe.min.js', import.meta.url), 'utf8');
const TAGS = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'];

/** Violations of the whole page as lines one can act on. */
export async function violations(page) {
  // From the top: what is scrolled beneath the head that stays counts as covered, although one more turn of the wheel shows it.
  await page.evaluate(() => window.scrollTo(0, 0));
  // Through the debugger: the page's own policy refuses inline script, as it should.
  await page.evaluate(AXE);
  return page.evaluate(async (tags) => {
    const found = await globalThis.axe.run(document, { runOnly: { type: 'tag', values: tags } });
    return found.violations.flatMap((v) => v.nodes.map((node) => `${v.impact} ${v.id}: ${node.target.join(' ')}: ${node.failureSummary?.split('\n')[1]?.trim() ?? v.help}`));
  }, TAGS);
}
