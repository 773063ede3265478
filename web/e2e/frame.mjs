// The frame of the tests in a browser: one server and one browser for a file, and a page that is closed whatever happens.

import assert from 'node:assert/strict';
import { after, before, describe } from 'node:test';
import { launch, openPage, SKIP, startServer } from './browser.mjs';

/**
 * Tests that share a server and a browser. The body is called once and is given `on`, which opens a path, runs the checks and
 * demands a clean console; `api`, which asks the server itself; and `shared`, whose `server` and `browser` are there when a test runs.
 */
export function suite(name, timeout, body) {
  if (SKIP) console.error(`SKIP ${name}: ${SKIP}`);
  describe(name, { skip: SKIP, timeout }, () => {
    const shared = { server: undefined, browser: undefined };
    before(async () => {
      shared.server = await startServer();
      shared.browser = await launch();
    });
    after(async () => {
      await shared.browser?.close();
      await shared.server?.stop();
    });

    /** `prepare` is called before the page is asked for; `mayComplain` for tests in which the server refuses. */
    async function on(path, checks, { prepare = async () => undefined, mayComplain = false, ...options } = {}) {
      const { page, complaints, close } = await openPage(shared.browser, options);
      try {
        await prepare(page);
        await page.goto(shared.server.url + path);
        await checks(page);
        if (!mayComplain) assert.deepEqual(complaints, [], 'the console is clean');
      } finally {
        await close();
      }
    }
    const api = async (path) => (await fetch(`${shared.server.url}/api/v1${path}`)).json();
    body({ on, api, shared });
  });
}
