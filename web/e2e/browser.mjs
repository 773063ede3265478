// A browser for the tests, the server they look at, and the wish to see no error on the console.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';

/** The server under test. Without TRIPLINE_URL the tests start the mock themselves. */
export const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium';
export const SKIP = existsSync(EXECUTABLE) ? false : `no browser at ${EXECUTABLE}; set CHROMIUM to one`;

const FLAGS = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'];

export async function launch() {
  return chromium.launch({ executablePath: EXECUTABLE, args: FLAGS });
}

/** A page that remembers what the console and the page complained about. */
export async function openPage(browser, options = {}) {
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, acceptDownloads: true, ...options });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
  });
  page.on('pageerror', (error) => complaints.push(error.message));
  return { page, complaints, close: () => context.close() };
}

const URL_GIVEN = process.env.TRIPLINE_URL?.replace(/\/$/, '');

export async function startServer() {
  return URL_GIVEN ? { url: URL_GIVEN, stop: () => undefined } : startOwn(20_000 + (process.pid % 20_000), ['--incident-every', '6']);
}

/** A server of the test's own, which it may end: the program of TRIPLINE_BIN where that is told, else the mock. */
export async function startOwn(port, mockOptions = []) {
  const program = process.env.TRIPLINE_BIN;
  const folder = program ? mkdtempSync(join(tmpdir(), 'tripline-page-')) : undefined;
  const command = program
    ? [program, ['demo', '--listen', `127.0.0.1:${port}`, '--data-dir', folder, '-q', '--duration', '5m']]
    : [process.execPath, [fileURLToPath(new URL('../mock/server.mjs', import.meta.url)), '--port', String(port), ...mockOptions]];
  const child = spawn(...command, { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = `http://127.0.0.1:${port}`;
  await until('an answer of the server', async () => {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    return fetch(`${url}/api/v1/summary`).then((answer) => answer.ok, () => false);
  });
  const stop = async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill();
    await ended;
    if (folder) rmSync(folder, { recursive: true, force: true });
  };
  return { url, stop };
}

/** Waits until the function answers with something true; says what it was waiting for when it does not. */
export async function until(what, ask, ms = 30_000) {
  const end = Date.now() + ms;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > end) throw new Error(`waited ${ms} ms for: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}
