// The outlines of countries for the map, made at build time from world-atlas (Natural Earth, public domain; ISC): projected (Equal Earth),
// rounded to whole units of a drawing 1,000 wide, each with its ISO code. The page gets paths and nothing else.

import { readFileSync } from 'node:fs';
import { feature } from 'topojson-client';
import type { Geometry, MultiPolygon, Polygon, Position } from 'geojson';
import type { GeometryCollection, Topology } from 'topojson-specification';
import type { Plugin } from 'vite';

const ID = 'virtual:world';
const WIDTH = 1000;
/** Antarctica has no hosts worth a fifth of the height. */
const LEFT_OUT = new Set(['AQ']);
const [A1, A2, A3, A4] = [1.340264, -0.081106, 0.000893, 0.003796];
const HALF_X = 2.7066;

function project([longitude = 0, latitude = 0]: Position): [number, number] {
  const t = Math.asin((Math.sqrt(3) / 2) * Math.sin((latitude * Math.PI) / 180));
  const x = (2 * Math.sqrt(3) * ((longitude * Math.PI) / 180) * Math.cos(t)) / (3 * (9 * A4 * t ** 8 + 7 * A3 * t ** 6 + 3 * A2 * t ** 2 + A1));
  const y = A4 * t ** 9 + A3 * t ** 7 + A2 * t ** 3 + A1 * t;
  const scale = WIDTH / (2 * HALF_X);
  return [Math.round((x + HALF_X) * scale), Math.round((1.3 - y) * scale)];
}

function ring(positions: Position[]): string {
  const points: [number, number][] = [];
  for (const position of positions) {
    const [x, y] = project(position);
    const last = points.at(-1);
    if (!last || last[0] !== x || last[1] !== y) points.push([x, y]);
  }
  return points.length < 4 ? '' : `M${points.map(([x, y]) => `${x} ${y}`).join('L')}Z`;
}

function path(geometry: Geometry): string {
  const polygons = geometry.type === 'Polygon' ? [(geometry as Polygon).coordinates] : geometry.type === 'MultiPolygon' ? (geometry as MultiPolygon).coordinates : [];
  return polygons.flatMap((polygon) => polygon.map(ring)).join('');
}

/** `[ISO code, name, path]` each; a code of two letters is empty where there is none. */
function outlines(): [string, string, string][] {
  const read = (file: string): unknown => JSON.parse(readFileSync(new URL(`node_modules/${file}`, import.meta.url), 'utf8'));
  const world = read('world-atlas/countries-110m.json') as Topology<{ countries: GeometryCollection<{ name: string }> }>;
  const codes = new Map((read('i18n-iso-countries/codes.json') as string[][]).map(([two = '', , number = '']) => [number, two]));
  const countries = feature(world, world.objects.countries).features;
  return countries.flatMap((country): [string, string, string][] => {
    const code = codes.get(String(country.id ?? '').padStart(3, '0')) ?? '';
    const outline = path(country.geometry);
    return LEFT_OUT.has(code) || outline === '' ? [] : [[code, country.properties.name, outline]];
  });
}

export function worldOutlines(): Plugin {
  return {
    name: 'world',
    resolveId: (id) => (id === ID ? `\0${ID}` : undefined),
    load: (id) => (id === `\0${ID}` ? `export default JSON.parse(${JSON.stringify(JSON.stringify(outlines()))});` : undefined),
  };
}
