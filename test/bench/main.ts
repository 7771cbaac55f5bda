/* Measures what docs/performance.md says; inside test/rig/enter, on the built dist/: node main.ts [PART [NUMBER]]... */
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { makeGround } from './ground.ts';
import { readMachine } from './machine.ts';
import { parts } from './parts.ts';
import { type Findings, report } from './report.ts';

const wanted = readWanted(process.argv.slice(2));
// It makes every Node read certificates at its start; what a run starts has no use for them.
delete process.env['NODE_EXTRA_CA_CERTS'];
const machine = readMachine(tmpdir());
const findings: Findings[] = [];
const ground = await makeGround();
try {
  for (const { name, number } of wanted) {
    await ground.fill(0);
    findings.push(await parts[name]!.measure(ground, number));
  }
} finally {
  await ground.end();
}
report(machine, findings, join(import.meta.dirname, '../../.cache/bench.json'));

function readWanted(words: readonly string[]): { name: string; number: number }[] {
  const wanted: { name: string; number: number }[] = [];
  for (const word of words) {
    const last = wanted.at(-1);
    if (/^[1-9][0-9]*$/.test(word) && last !== undefined) last.number = Number(word);
    else if (Object.hasOwn(parts, word)) wanted.push({ name: word, number: parts[word]!.number });
    else throw new Error(`There is no part ${word} of the benchmark, only ${Object.keys(parts).join(', ')}.`);
  }
  if (wanted.length > 0) return wanted;
  return Object.entries(parts).flatMap(([name, { number, isExtra }]) => (isExtra === true ? [] : [{ name, number }]));
}
