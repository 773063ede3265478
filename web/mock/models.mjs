// The models of the stand-in: members with invented scores, a drift chart, versions that can be put back, trainings that take a few
// seconds and are taken every other time.

import { iso } from './world.mjs';

const BINS = 24;
const TRAINING_MS = 4_000;
const MEMBERS = [
  ['isolation_forest', true, 0.0098, 0.612, 'How few random cuts set a flow apart from all others'],
  ['local_outlier_factor', false, 0.031, 1.84, 'How empty it is around a flow, compared with where its neighbours live'],
  ['nearest_neighbours', true, 0.0112, 3.21, 'How far away the most similar learned flows are'],
  ['autoencoder', true, 0.0087, 0.044, 'How badly a flow can be rebuilt from a short summary of it'],
];
const versions = [version(3, 'timetable', 0), version(2, 'asked', 1), version(1, 'first', 2)];
const events = [];
const guests = [];
let training = 0;
let reason = '';
let challenge = null;
let trainings = 0;

function version(number, why, place) {
  return { version: number, made: iso(Date.now() - (place + 1) * 86_400_000), reason: why, text: number > 1 ? '1 of 1,900 held-out benign flows flagged (6.9 allowed), 8 of 8 built-in attacks found' : '', rows_fitted: 12_000, rows_trimmed: 360, rows_held_out: 8_000, rows_labelled: 0, marks: null, kind: 'flow', in_use: place === 0, file: place === 0 ? 'flow.model' : `flow.model.${place}`, bytes: 412_000 + number * 900, trained_on: { flows: 20_000, packets: 812_345, from: null, until: iso(Date.now() - (place + 1) * 86_400_000) }, members: 4, error: null };
}
function arrange() {
  versions.forEach((v, place) => { v.in_use = place === 0; v.file = place === 0 ? 'flow.model' : `flow.model.${place}`; });
}
function tell(what, text) {
  events.unshift({ ts: iso(Date.now()), what, text });
  events.splice(50);
}
function settle() {
  if (training === 0 || Date.now() - training < TRAINING_MS) return;
  training = 0;
  trainings += 1;
  const taken = trainings % 2 === 1;
  const marks = (flagged, probes) => ({ benign: 1900, flagged, pinned: 0, pinned_found: 0, probes: 8, probes_found: probes > 330 ? 8 : 7, probe_evidence: probes / 150 });
  const text = taken ? '2 of 1,900 held-out benign flows flagged (6.9 allowed), 8 of 8 built-in attacks found' : '14 of 1,900 held-out benign flows flagged, 7.0 allowed';
  challenge = { at: iso(Date.now()), reason, promoted: taken, text, rows: 12_000, allowed: 6.9, challenger: marks(taken ? 2 : 14, 340), present: marks(1, 331), control: marks(3, 329) };
  if (taken) {
    versions.unshift({ ...version(Math.max(...versions.map((v) => v.version)) + 1, reason, 0), made: iso(Date.now()), text });
    versions.splice(5);
    arrange();
  }
  tell(taken ? 'promoted' : 'refused', taken ? `Version ${versions[0].version} took the place of the old models: ${text}` : `New models were not taken, the old ones stay: ${text}`);
}
const bins = (top, fall) => Array.from({ length: BINS }, (_, n) => Math.round(top * 10 ** (-n * fall)));

export function models(model, started) {
  settle();
  const ready = model.state === 'ready';
  const flows = Math.round((Date.now() - started) / 20) + 40_000;
  const scores = (k, p) => ({ bin_decades: 0.25, threshold_p: p, ordinary: bins(flows / 2, 0.25 + k * 0.02), anomalous: Array.from({ length: BINS }, (_, n) => (n > 10 ? 6 + ((n * (k + 3)) % 5) : 0)) });
  const members = ready ? MEMBERS.map(([name, admitted, fpr, threshold, looks_at], k) => ({ name, kind: 'flow', looks_at, admitted, why: `Flags ${(fpr * 100).toFixed(1)} % of held-out flows where it promises 1 %${admitted ? '' : ': its word cannot be trusted here'}`, weight: admitted ? 1 : 0, held_out_fpr: fpr, threshold, nominal_fpr: 0.01, realised_fpr: fpr * 1.1, scores: scores(k, 0.01), weight_bytes: 0, imported: null })) : [];
  if (ready) members.push(...guests);
  const square = (of) => MEMBERS.map((_, a) => MEMBERS.map((__, b) => of(a, b)));
  const now = Date.now();
  const progress = training ? Math.min(1, (now - training) / TRAINING_MS) : null;
  return {
    state: model.state, progress: model.progress, eta_s: model.eta_s, text: model.text,
    trained_on: ready ? versions[0].trained_on : null, version: ready ? versions[0].version : null, members, schema: 'flow/1', seed: 1, artifact: ready ? '~/tripline/flow.model' : '',
    live: ready ? { flows, flows_outside: flows - 300, flagged: 44, nominal_fpr: 0.001, realised_fpr: 44 / flows, scores: scores(0, 0.001) } : null,
    agreement: ready ? { members: MEMBERS.map((m) => m[0]), both: square((a, b) => (a === b ? 420 : 180 + a * 20 + b * 20)), either: square((a, b) => (a === b ? 420 : 520)) } : null,
    drift: ready ? { state: 'steady', text: 'Traffic is what the models learned', mean: 0.487, expected_mean: 0.5, window_flows: 38_400, flows, changes: [], history: Array.from({ length: 180 }, (_, i) => ({ ts: iso(now - (180 - i) * 60_000), mean: 0.5 + 0.04 * Math.sin(i / 9) + 0.02 * Math.sin(i * 2.3), flows: 200 })) } : null,
    stability: ready ? { state: 'moderate', text: '0 of 3 features have shifted, 1 moderately', flows: 6_100, flows_learned: 12_000, moderate: 0.1, shifted: 0.25, mean: 0.06, features: [['iat_mean_us', 0.14, 'moderate'], ['forward_bytes', 0.03, 'stable'], ['duration_ms', 0.01, 'stable']].map(([feature, psi, state]) => ({ feature, psi, state })) } : null,
    data: { rows: 11_800, rows_max: 20_000, rows_held_out: 2_960, hours: 41, hosts: 29, from: iso(now - 41 * 3_600_000), until: iso(now), said_benign: 0, pinned: 0, pinned_rows: 0 },
    retraining: { state: training ? 'training' : 'waiting', every_h: 24, next: iso(now + 5 * 3_600_000), progress, reason: training ? reason : '', rows: 11_800, rows_held_out: 2_960, can_start: ready && !training, last: challenge?.at ?? null, promoted: challenge?.promoted ?? null, text: 'Models have not been renewed since the start' },
    challenge, versions: ready ? versions : [], events, can_import: ready,
  };
}

/** A form's text: what is no model is refused, every other one is in shadow. */
function takeIn(form) {
  const name = /name = "([a-z0-9_]+)"/.exec(form)?.[1];
  const file = /filename="([^"]+\.onnx)"/.exec(form)?.[1];
  if (!name || !file || form.includes('not a model')) return [422, `${file}: imported model ${name}: it is no ONNX file`];
  guests.splice(0, guests.length, { name, kind: 'flow', looks_at: 'Your own model, imported from an ONNX file', admitted: false, why: 'In shadow: it is shown and does not vote until the next training calibrates it', weight: 0, held_out_fpr: null, threshold: null, nominal_fpr: 0.01, realised_fpr: null, scores: null, weight_bytes: 4096, imported: 'shadow' });
  versions.unshift({ ...version(Math.max(...versions.map((v) => v.version)) + 1, 'import', 0), made: iso(Date.now()), text: `${name} was imported beside the models before` });
  versions.splice(5);
  arrange();
  tell('imported', `${name} was imported from ${file}: in shadow`);
  return [200, undefined];
}

/** `retrain`, `rollback` or `import`: status and answer. */
export function askModels(what, text) {
  settle();
  if (what === 'retrain') {
    if (training) return [409, 'A training is under way already'];
    training = Date.now();
    reason = 'asked';
    tell('started', 'A training on 11,800 flows began because it was asked for; the old models judge meanwhile');
    return [202, { state: 'training' }];
  }
  if (what === 'import') return takeIn(text);
  if (what !== 'rollback') return [404, 'No such path'];
  const wanted = JSON.parse(text || '{}').version;
  const at = versions.findIndex((v) => v.version === wanted);
  if (at < 0) return [404, `Version ${wanted} is not kept`];
  versions.unshift(...versions.splice(at, 1));
  arrange();
  tell('rolled_back', `Version ${wanted} was put back in place`);
  return [200, undefined];
}
