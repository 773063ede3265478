// A browser for the tests, the server they look at, and the wish to see no error on the console.

import { existsSync } from 'node:fs';
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

export async function startServer() {
  if (process.env.TRIPLINE_URL) return { url: process.env.TRIPLINE_URL.replace(/\/$/, ''), stop: () => undefined };
  const { spawn } = await import('node:child_process');
  const { fileURLToPath } = await import('node:url');
  const port = 20_000 + (process.pid % 20_000);
  const child = spawn(process.execPath, [fileURLToPath(new URL('../mock/server.mjs', import.meta.url)), '--port', String(port), '--incident-every', '6'], { stdio: ['ignore', 'pipe', 'inherit'] });
  await new Promise((resolve, reject) => {
    child.stdout.once('data', resolve);
    child.once('exit', (code) => reject(new Error(`the mock ended with ${code}`)));
  });
  return { url: `http://127.0.0.1:${port}`, stop: () => child.kill() };
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
