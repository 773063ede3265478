// The Models page and what people say of incidents, in a real browser: members are shown, a training can be asked for, a version put
// back, a false positive hides its like, and undo brings it back.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { until } from './browser.mjs';
import { suite } from './frame.mjs';

const PATIENCE_MS = 180_000;
const FOREST = new URL('../../crates/detect/src/imported/fixtures/isolation_forest.onnx', import.meta.url);

suite('models', 600_000, ({ on, api, shared }) => {
  test('every member says what it looks at, whether it votes and why, and shows its live scores', () =>
    on('/models', async (page) => {
      const names = (await until('members', async () => { const { members } = await api('/models'); return members.length > 0 && members; }, PATIENCE_MS)).map((m) => m.name);
      for (const name of names) {
        const row = page.locator(`[data-member="${name}"]`);
        await row.locator('[data-admitted]').waitFor({ timeout: PATIENCE_MS });
        assert.match(await row.locator('[data-admitted]').textContent(), /Yes|No/);
        assert.notEqual(await row.locator('.vote .muted').textContent(), '');
      }
      await page.locator('[data-member="ensemble"] [data-histogram]').waitFor({ timeout: PATIENCE_MS });
      assert.match(await page.locator('[data-member="ensemble"] [data-histogram]').getAttribute('aria-label'), /live flows/);
      await page.locator('[data-panel="drift"] [data-drift]').waitFor();
      await page.locator('[data-panel="agreement"] tbody tr').first().waitFor({ timeout: PATIENCE_MS });
      assert.match(await page.locator('[data-panel="data"]').textContent(), /Hosts/);
    }));

  test('a training that is asked for is examined, and a version can be put back', () =>
    on('/models', async (page) => {
      const button = page.locator('[data-retrain]');
      await until('a training that can begin', async () => (await button.count()) > 0 && button.isEnabled(), PATIENCE_MS);
      const before = (await api('/models')).retraining.last;
      await button.click();
      await page.locator('[data-toast]', { hasText: 'A training has begun' }).waitFor();
      await until('the button that waits', async () => button.isDisabled());
      const after = await until('the end of the training', async () => { const now = await api('/models'); return now.retraining.last !== before && now.retraining.state !== 'training' && now; }, PATIENCE_MS);
      await page.locator('[data-panel="challenge"] [data-promoted]').waitFor();
      assert.equal(await page.locator('[data-panel="challenge"] [data-promoted]').getAttribute('data-promoted'), String(after.challenge.promoted));
      assert.equal(await page.locator('[data-panel="challenge"] [data-marks]').count(), 3);
      await page.locator('[data-panel="events"] li').first().waitFor();
      // New models are not always better; without two versions there is nothing to put back.
      const ofFlows = after.versions.filter((v) => v.kind === 'flow');
      if (ofFlows.length < 2) return;
      const [now, old] = [ofFlows[0].version, ofFlows[1].version];
      await page.locator(`[data-rollback="flow-${old}"]`).click();
      await page.locator('dialog[open]', { hasText: `Put version ${old} of the flow models back?` }).waitFor();
      await page.keyboard.press('Escape');
      await until('the dialog is gone', async () => (await page.locator('dialog').count()) === 0);
      assert.equal((await api('/models')).version, now, 'nothing is done before it is confirmed');
      await page.locator(`[data-rollback="flow-${old}"]`).click();
      await page.locator('dialog [data-confirm]').click();
      await until('the old version in place', async () => (await api('/models')).version === old);
      await page.locator(`[data-cell="Version"] [data-version="${old}"]`).waitFor();
      await page.locator(`[data-rollback="flow-${now}"]`).waitFor();
    }));

  test('a model of one\'s own is handed over, and what does not fit says why', () =>
    on('/models', async (page) => {
      const open = page.locator('[data-import-open]');
      await until('models that it can join', async () => (await open.count()) > 0 && open.isEnabled(), PATIENCE_MS);
      await open.click();
      const dialog = page.locator('dialog[open]', { hasText: 'Import a model' });
      await dialog.waitFor();
      assert.equal(await dialog.locator('[data-confirm]').isDisabled(), true, 'two files are needed');
      const manifest = 'name = "my_forest"\nmeaning = "lower_is_stranger"\nvalues = "natural"\nfeatures = ["duration_ms", "forward_packets", "backward_packets", "forward_bytes", "backward_bytes", "subflows"]\n';
      const toml = { name: 'my_forest.toml', mimeType: 'text/plain', buffer: Buffer.from(manifest) };
      const onnx = (buffer) => ({ name: 'my_forest.onnx', mimeType: 'application/octet-stream', buffer });
      await page.locator('[data-import]').setInputFiles([onnx(Buffer.from('not a model')), toml]);
      assert.match(await dialog.locator('[data-chosen="onnx"]').textContent(), /my_forest.onnx/);
      await dialog.locator('[data-confirm]').click();
      await dialog.locator('[data-failure]', { hasText: 'my_forest.onnx: imported model my_forest' }).waitFor();
      await page.locator('[data-import]').setInputFiles([onnx(readFileSync(FOREST))]);
      await until('the failure is gone', async () => (await dialog.locator('[data-failure]').count()) === 0);
      await dialog.locator('[data-confirm]').click();
      await until('the dialog is gone', async () => (await page.locator('dialog').count()) === 0, PATIENCE_MS);
      const row = page.locator('[data-member="my_forest"]');
      await row.waitFor();
      const member = (await api('/models')).members.find((m) => m.name === 'my_forest');
      assert.equal(await row.getAttribute('data-standing'), member.imported);
      assert.match(await row.locator('[data-admitted]').textContent(), /Yes|No|Shadow|Muted/);
      await page.locator('[data-panel="events"]', { hasText: 'my_forest was imported' }).waitFor();
    }).catch((error) => {
      // The browser itself writes the refused request to the console.
      assert.match(String(error.message), /422/);
    }));

  test('a false positive hides its like, and undo brings it back', async () => {
    const incident = await until('an open incident', async () => (await api('/incidents?q=status:open&limit=1')).items[0], PATIENCE_MS);
    const status = async () => (await api(`/incidents/${incident.id}`)).incident.status;
    await on(`/incidents?show=all&sel=${incident.id}`, async (page) => {
      const verb = page.locator('[data-verb="false_positive"]');
      await verb.waitFor();
      await verb.click();
      const dialog = page.locator('dialog[open]');
      await dialog.locator('[data-scope]').first().waitFor();
      assert.equal(await dialog.locator('[data-scope]').count(), 3);
      assert.match(await dialog.locator('[data-confirm]').textContent(), /Hide \d+ incident/);
      await dialog.locator('[data-scope="host_service"]').click();
      await dialog.locator('select').selectOption({ label: 'For a week' });
      await dialog.locator('[data-confirm]').click();
      await page.locator('[data-toast]', { hasText: 'Hidden:' }).waitFor();
      assert.equal(await status(), 'false_positive');
      await page.locator('[data-suppressed]').waitFor();
      const [hidden] = (await api('/suppressions')).items;
      assert.equal(hidden.incident, incident.id);
      assert.ok(Date.parse(hidden.until) > Date.now() + 6 * 86_400_000);
      await page.locator('[data-toast] [data-undo]').click();
      await until('the status before', async () => (await status()) === 'open');
      await until('no suppression', async () => (await api('/suppressions')).items.length === 0);
      await until('the words are gone', async () => (await page.locator('[data-suppressed]').count()) === 0);
    });
    // The same again, taken back from the Models page.
    const body = JSON.stringify({ feedback: 'false_positive' });
    await fetch(`${shared.server.url}/api/v1/incidents/${incident.id}`, { method: 'PATCH', headers: { 'content-type': 'application/json' }, body });
    await on('/models', async (page) => {
      const line = page.locator('[data-suppression]').first();
      await line.waitFor();
      await line.locator('button').click();
      await page.locator('[data-toast]', { hasText: 'Taken back' }).waitFor();
      await until('an empty list', async () => (await page.locator('[data-suppression]').count()) === 0);
      assert.equal(await status(), 'open');
    });
  });

  test('what the models doubt is asked, and answered there', () =>
    on('/models', async (page) => {
      const [question] = await until('a question', async () => { const { items } = await api('/models/questions'); return items.length > 0 && items; }, PATIENCE_MS);
      const { id } = question.incident;
      const verdict = async () => (await api(`/incidents/${id}`)).incident.feedback?.verdict;
      const line = page.locator(`[data-question="${id}"]`);
      await line.waitFor({ timeout: PATIENCE_MS });
      await line.locator('[data-answer="true_positive"]').click();
      await page.locator('[data-toast]', { hasText: 'Kept as an attack' }).waitFor();
      assert.equal(await verdict(), 'true_positive');
      await until('it is asked no more', async () => (await line.count()) === 0);
      await page.locator('[data-toast] [data-undo]').click();
      await until('no verdict', async () => (await verdict()) === undefined);
    }));

  test('an attack is kept as one until that is taken back', async () => {
    const incident = await until('an open incident', async () => (await api('/incidents?q=status:open&limit=1')).items[0], PATIENCE_MS);
    const verdict = async () => (await api(`/incidents/${incident.id}`)).incident.feedback?.verdict;
    await on(`/incidents?show=all&sel=${incident.id}`, async (page) => {
      await page.locator('[data-verb="true_positive"]').click();
      await page.locator('[data-attack]').waitFor();
      assert.equal(await verdict(), 'true_positive');
      await page.locator('[data-attack] [data-takeback]').click();
      await until('no verdict', async () => (await verdict()) === undefined);
      await until('the words are gone', async () => (await page.locator('[data-attack]').count()) === 0);
    });
  });

  test('a training that is refused says why', () =>
    on('/models', async (page) => {
      const button = page.locator('[data-retrain]');
      await page.route('**/api/v1/models/retrain', (route) => route.fulfill({ status: 409, contentType: 'application/problem+json', body: JSON.stringify({ title: 'Conflict', detail: 'a training is under way already' }) }));
      await until('a button to press', async () => (await button.count()) > 0 && button.isEnabled(), PATIENCE_MS);
      await button.click();
      await page.locator('[data-toast]', { hasText: 'under way already' }).waitFor();
      await page.unroute('**/api/v1/models/retrain');
    }).catch((error) => {
      // The browser itself writes a refused request to the console.
      assert.match(String(error.message), /409|console is clean/);
    }));
});
