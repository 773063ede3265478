// axe-core over every page in both themes, with something chosen where there is something to choose. WCAG 2.2 A and AA.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { violations } from './axe.mjs';
import { openPage } from './browser.mjs';
import { suite } from './frame.mjs';

suite('accessibility', 300_000, ({ on, shared }) => {
  const PLACES = [
    { path: '/', ready: '[data-panel="talkers"] li', button: '[data-panel="scatter"] button.legend', chosen: '[data-chosen]' },
    { path: '/packets', ready: '[role="row"][data-index]', chosen: '[data-panel="packet"] [data-hex]' },
    { path: '/flows', ready: '[role="row"][data-index]', chosen: '[data-panel="flow"] .who' },
    { path: '/incidents?show=all', ready: '[data-incident]', chosen: '[data-panel="incident"] .sentence' },
    { path: '/hosts', ready: '[data-host]', chosen: '[data-panel="host"] [data-importance-choice]' },
    { path: '/settings', ready: '[data-preset="office"] button', button: '[data-preset="office"] button', chosen: 'dialog[open] [data-confirm]', dialog: true },
    { path: '/settings', ready: '[data-new-rule]', button: '[data-new-rule]', chosen: 'dialog[open] [data-rule-editor]', dialog: true },
    { path: '/models', ready: '[data-member="ensemble"] [data-histogram]', chosen: '[data-panel="versions"] tr.now[data-kept="flow-1"]' },
  ];
  for (const scheme of ['light', 'dark']) {
    for (const { path, ready, button, chosen, dialog } of PLACES) {
      test(`${path}, ${button ?? 'j'}, ${scheme}`, () =>
        on(path, async (page) => {
          await page.locator(ready).first().waitFor({ timeout: 90_000 });
          if (button) await page.locator(button).click();
          else await page.keyboard.press('j');
          await page.locator(chosen).waitFor();
          // A page that stands still: what is checked is what is reported.
          await page.evaluate(() => document.activeElement?.blur());
          if (!dialog) {
            await page.keyboard.press(' ');
            await page.locator('[data-paused]').waitFor();
          }
          assert.deepEqual(await violations(page), []);
        }, { colorScheme: scheme, reducedMotion: 'reduce' }));
    }
  }

  test('what the keyboard comes to is never beneath the head', () =>
    on('/', async (page) => {
      await page.locator('[data-panel="talkers"] li').first().waitFor({ timeout: 90_000 });
      await page.locator('[data-panel="talkers"] a').last().focus();
      let seen = 0;
      for (let turn = 0; turn < 60; turn += 1) {
        await page.keyboard.press('Shift+Tab');
        const at = await page.evaluate(() => {
          const here = document.activeElement;
          if (!here.closest('main')) return undefined;
          const head = document.querySelector('header').parentElement.getBoundingClientRect().bottom;
          return { what: here.outerHTML.slice(0, 120), below: here.getBoundingClientRect().bottom - head };
        });
        if (!at) break;
        seen += 1;
        assert.ok(at.below > 0, `${at.what} ends ${-at.below} px beneath the head`);
      }
      assert.ok(seen > 15, `${seen} places of the keyboard`);
    }, { viewport: { width: 1440, height: 420 }, reducedMotion: 'reduce' }));

  test('what is shown instead of data', async () => {
    const { page, close } = await openPage(shared.browser, { reducedMotion: 'reduce' });
    try {
      const refuse = (route) => route.fulfill({ status: 503, contentType: 'application/problem+json', body: JSON.stringify({ title: 'The store does not answer', detail: 'Say what to do.' }) });
      await page.route((url) => url.pathname.startsWith('/api/v1/'), refuse);
      for (const path of ['/', '/packets', '/flows', '/incidents', '/hosts', '/scans', '/scans?view=inventory', '/trends', '/captures', '/models', '/settings']) {
        await page.goto(shared.server.url + path);
        await page.locator('[data-state="error"]').first().waitFor();
        await page.locator('[data-notice="connection"]').waitFor({ timeout: 15_000 });
        assert.deepEqual(await violations(page), [], path);
      }
      await page.keyboard.press('?');
      await page.locator('dialog[open]').waitFor();
      assert.deepEqual(await violations(page), [], 'help');
    } finally {
      await close();
    }
  });

  test('no script or handler is written into the page', async () => {
    const html = await (await fetch(`${shared.server.url}/`)).text();
    assert.equal(/<script(?![^>]*\bsrc=)[^>]*>/i.test(html), false);
    assert.equal(/\son[a-z]+\s*=/i.test(html), false);
    assert.equal(/javascript:/i.test(html), false);
    const policy = (await fetch(`${shared.server.url}/`)).headers.get('content-security-policy') ?? '';
    const scripts = /script-src ([^;]*)/.exec(policy)?.[1] ?? /default-src ([^;]*)/.exec(policy)?.[1] ?? '';
    assert.match(scripts, /'self'/);
    assert.doesNotMatch(scripts, /unsafe/);
  });
});
