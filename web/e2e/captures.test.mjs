// Pages over real captures: what the pages show is what is in the file, from the list of packets, whose display filter lets through as many
// as tshark's, to flows, hosts, incidents and their packets.

import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { launch, openPage, SKIP, until } from './browser.mjs';

const DATA = fileURLToPath(new URL('../../../shared/data/', import.meta.url));
const PROGRAM = process.env.TRIPLINE_BIN;
const tshark = (file, filter) => Number(execFileSync('sh', ['-c', 'tshark -n -r "$1" -Y "$2" 2>/dev/null | wc -l', 'sh', file, filter], { encoding: 'utf8' }));
const has = (program) => { try { execFileSync('sh', ['-c', `command -v ${program}`]); return true; } catch { return false; } };

/** A file, and filters of which both have the same meaning: each packet by itself, no reassembly, no quoted headers, no LLMNR, which we do not read. */
const FILES = [
  { file: 'pcap-benign/office/zeek-wikipedia.pcap', filters: ['tcp.flags.syn == 1', 'tcp.flags.syn == 1 && tcp.flags.ack == 0', 'tcp.port == 80', 'udp', 'dns', 'dns && dns.flags.response == 0', 'dns.qry.name contains "wikipedia"', 'dns.qry.name matches "WIKI"', 'ip.addr == 141.142.220.118', '!(ip.addr == 141.142.220.118)', 'ip.addr != 141.142.220.118', 'ip.src == 141.142.0.0/16', 'frame.len > 1000', 'frame.len >= 66 and frame.len <= 74', 'tcp.dstport in {80, 443}', 'tcp.srcport in {1..1024}', 'http.request.method == "GET"', 'http.host contains "wikimedia"', 'ip.ttl < 64', 'tcp.flags.reset == 1 || tcp.flags.fin == 1', 'ipv6', 'eth.type == 0x0800', 'ip.proto == 17', 'tcp.window_size_value > 6000', 'udp.port == 53 or udp.port == 5353', 'not tcp and not udp'] },
  { file: 'pcap-attack/bruteforce/sshguess.pcap', filters: ['tcp.port == 22', 'tcp.flags == 0x002', 'ssh.protocol', 'ip.len > 100', 'tcp.flags.push == 1', 'arp', 'tcp.options.mss_val', 'ip.flags.df == 1'] },
];
const MISSING = FILES.map(({ file }) => file).find((file) => !existsSync(DATA + file));
const WHY_NOT = SKIP || (!PROGRAM && 'TRIPLINE_BIN names no program') || (!has('tshark') && 'tshark is missing') || (MISSING && `../shared/data/${MISSING} is not there`) || false;
if (WHY_NOT) console.error(`SKIP captures on the page: ${WHY_NOT}`);

/** The program over a file, to its end and on; packets are kept whole, so that their fields can be read. */
async function replay(file, port) {
  const folder = mkdtempSync(join(tmpdir(), 'tripline-capture-'));
  const args = ['-q', 'run', '-r', DATA + file, '--speed', 'max', '--listen', `127.0.0.1:${port}`, '--data-dir', folder, '--duration', '8m', '--set', 'evidence.snap_len=65535', '--set', 'evidence.ring_bytes=67108864'];
  const child = spawn(PROGRAM, args, { stdio: ['ignore', 'ignore', 'inherit'] });
  const url = process.env.TRIPLINE_PAGE ?? `http://127.0.0.1:${port}`;
  await until('the end of the file', async () => {
    if (child.exitCode !== null) throw new Error(`the server ended with ${child.exitCode}`);
    return fetch(`${url}/api/v1/sources?brief=true`).then(async (answer) => answer.ok && (await answer.json()).sources.every((source) => source.state === 'ended'), () => false);
  }, 60_000);
  const stop = async () => {
    const ended = child.exitCode === null ? once(child, 'exit') : undefined;
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  return { url, stop, api: async (path) => (await fetch(`${url}/api/v1${path}`)).json() };
}

describe('captures on the page', { skip: WHY_NOT, timeout: 900_000 }, () => {
  let browser;
  before(async () => { browser = await launch(); });
  after(async () => { await browser?.close(); });

  for (const [n, { file, filters }] of FILES.entries()) {
    test(`${file}: the display filter lets through what tshark's does`, async () => {
      const server = await replay(file, Number(process.env.TRIPLINE_PAGE_PORT ?? 26_000 + (process.pid % 10_000) + n));
      const { page, complaints, close } = await openPage(browser);
      try {
        await page.goto(`${server.url}/packets`);
        const all = tshark(DATA + file, 'frame');
        const list = page.locator('[data-panel="packets"] [data-shown]');
        const field = page.locator('#packet-filter');
        const wrong = [];
        for (const filter of filters) {
          await field.fill(filter);
          await page.keyboard.press('Enter');
          await until('the filter in the address', () => new URL(page.url()).searchParams.get('q') === filter);
          await until(`every packet looked through for ${filter}`, async () => (await list.getAttribute('data-searching')) === 'false' && Number(await list.getAttribute('data-held')) >= all, 60_000);
          await page.waitForTimeout(100);
          const [ours, theirs] = [Number(await list.getAttribute('data-shown')), tshark(DATA + file, filter)];
          if (ours !== theirs) wrong.push(`${filter}: ${ours}, tshark ${theirs}`);
        }
        assert.deepEqual(wrong, []);
        assert.deepEqual(complaints, []);
      } finally {
        await close();
        await server.stop();
      }
    });
  }

  test('from the list to the evidence, on every page', async () => {
    const server = await replay(FILES[1].file, Number(process.env.TRIPLINE_PAGE_PORT ?? 37_000 + (process.pid % 10_000)));
    const { page, complaints, close } = await openPage(browser);
    const pathOf = () => new URL(page.url()).pathname;
    try {
      await page.goto(`${server.url}/packets`);
      const field = page.locator('#packet-filter');
      await field.click();
      await page.keyboard.type('tcp.flags.s');
      await page.locator('[role="option"][data-name="tcp.flags.syn"]').click();
      await page.keyboard.type(' == 1');
      await page.keyboard.press('Enter');
      await page.locator('[role="row"][data-index]').first().waitFor();
      await field.fill('tcp.flags.sin == 1');
      assert.match(await page.locator('#packet-filter-error').textContent(), /^At 1: .*tcp\.flags\.syn/);
      await page.keyboard.press('Escape');
      await page.keyboard.press('j');
      await page.locator('[data-field="tcp.flags"]').click();
      assert.equal(await page.locator('[data-hex] .pairs .on').count(), 2, 'the field lights its two bytes');
      await page.locator('[data-hex] .pairs [data-byte="30"]').click();
      assert.equal(await page.locator('.tree .line.on').count(), 1, 'a byte lights its field');
      await page.locator('button', { hasText: 'Follow flow' }).click();
      await until('the flow as a filter', () => /tcp\.port/.test(new URL(page.url()).searchParams.get('q') ?? ''));
      const [saved] = await Promise.all([page.waitForEvent('download'), page.locator('[data-panel="packets"] button', { hasText: /^Save/ }).click()]);
      const packets = execFileSync('sh', ['-c', 'tshark -n -r "$1" 2>/dev/null | wc -l', 'sh', await saved.path()], { encoding: 'utf8' });
      assert.ok(Number(packets) > 1, 'what is listed was saved, and tshark reads it');
      await page.locator('[data-panel="packet"] a', { hasText: 'Flow record' }).click();
      await until('its flow', () => pathOf() === '/flows');
      await page.locator('[role="row"][data-index]').first().click();
      await page.locator('[data-panel="flow"] .who a').first().click();
      await until('its host', () => pathOf() === '/hosts');
      await page.locator('[data-panel="host"] svg[data-graph]').waitFor();
      const incident = (await server.api('/incidents?limit=1')).items[0];
      assert.ok(incident, 'the guessing is found');
      await page.goto(`${server.url}/incidents?show=all`);
      await page.locator(`[data-incident]`).first().click();
      await page.locator('[data-panel="incident"] .sentence').waitFor();
      for (const [path, shown] of [['/', '[data-panel="talkers"] li'], ['/trends', '[data-totals] tbody tr'], ['/scans', '[data-panel="scans"]'], ['/captures', '[data-panel="captures"]'], ['/models', '[data-panel]'], ['/settings', '[data-setting]']]) {
        await page.goto(server.url + path);
        await page.locator(shown).first().waitFor({ timeout: 30_000 });
        assert.equal(await page.locator('[data-panel][data-state="error"]').count(), 0, path);
      }
      assert.deepEqual(complaints, []);
    } finally {
      await close();
      await server.stop();
    }
  });
});
