/**
 * The examples of declared actors: one command runs each, and it ends alike whichever node is
 * killed.
 */
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import test from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { story as diskSpace } from '../../examples/actors/disk-space.ts';
import { story as order } from '../../examples/actors/order.ts';
import { story as rollout } from '../../examples/actors/rollout.ts';
import { story as watchdog } from '../../examples/actors/watchdog.ts';
import { story as thermostat } from '../../examples/thermostat.ts';
import { perform, type Story } from '../../examples/story.ts';
import { seededChance } from '../../runtime/platform/clock.ts';
import type { CrashPoint } from '../../runtime/platform/crash-points.ts';
import { effort } from '../support/effort.ts';

const run = promisify(execFile);
const bounded = { timeout: 300_000 };

/** How often nodes are killed in all, before it is believed. */
const deathsMin = effort(3, 10);

/** The end of each story when no node is killed. */
const ends = {
	watchdog: {
		given: { restarts: 3, failures: 3 },
		printer: { restarts: 3, failures: 0 },
		web: { restarts: 4, failures: 0 },
		alerts: 1,
	},
	'disk-space': {
		seen: [0, 1, 1, 2, 2],
		heard: [
			'critical: disk-space/data: so many percent are in use',
			'info: disk-space/data: only so many percent are in use now',
		],
	},
	order: {
		ended: {
			'o-1': 'completed',
			'o-2': 'compensated: declined',
			'o-3': 'compensated: none left',
			'o-4': 'completed',
			'o-5': 'compensated: not paid in time',
			'o-6': 'compensated: not shipped',
			'o-7': 'completed',
		},
		// What was given back for o-6, and taken for o-1, o-6, o-7 and o-4: each once.
		money: [-720, 500, 720, 750, 1200],
		lamps: { free: 45, held: {}, sold: 5 },
		ropes: { free: 15, held: {}, sold: 5 },
	},
	rollout: {
		halted: ['2.0', '2.0', '2.0', 'old', 'old', 'old'],
		results: {
			ship1: 'done',
			ship2: 'done',
			ship3: 'done',
			ship4: 'done',
			ship5: 'done',
			ship6: 'done',
		},
		versions: ['2.0', '2.0', '2.0', '2.0', '2.0', '2.0'],
		alerts: ['critical: rollout/2.0: failed at ship4'],
	},
	thermostat: {
		kitchen: { target: 23, celsius: 23.6, alerts: 1 },
		bath: { target: 20, celsius: 24, alerts: 1 },
		alerts: [
			'warning: thermostat/kitchen: kitchen is heated, and still has only 17.5 °C',
			'critical: thermostat/bath: no reading from bath for 1 seconds',
		],
	},
} as const;

/** Where a node may be killed, and after how many passages at the latest. */
const instants: readonly (readonly [point: CrashPoint, countMax: number])[] = [
	['journal.committed', 14],
	['journal.flushed', 14],
	['frame.accepted', 4],
	['frame.sent', 4],
	['ack.received', 4],
	['step.ran', 3],
	['call.ended', 1],
];

/** The earliest and the latest end by the clock, counted from the start of the process. */
const runMsMin = 300;
const runMsMax = 2000;

/**
 * A random instant: a passage of a crash point, or any moment at all, also in the middle of a
 * start. A crash point may never be passed, so a late flush of the journal follows it.
 */
function randomInstant(chance: () => number): string | number {
	const pick = (max: number) => Math.floor(chance() * max);
	if (chance() < 0.3) return runMsMin + pick(runMsMax - runMsMin);
	const [point, countMax] = instants[pick(instants.length)] ?? ['journal.flushed', 14];
	const instant = `${point}:${1 + pick(countMax)}`;
	return point.startsWith('journal.') ? instant : `${instant},journal.flushed:14`;
}

const stories: readonly (readonly [name: keyof typeof ends, story: Story])[] = [
	['watchdog', watchdog],
	['disk-space', diskSpace],
	['order', order],
	['rollout', rollout],
	['thermostat', thermostat],
];

/** The file of a story; that of a YAML definition lies beside the folder of definitions. */
const fileOf = (name: string): string =>
	fileURLToPath(
		new URL(`../../examples/${name === 'thermostat' ? '' : 'actors/'}${name}.ts`, import.meta.url),
	);

for (const [name, story] of stories) {
	test(`the example ${name} runs with one command, and ends by itself`, bounded, async () => {
		const tsx = ['--import', import.meta.resolve('tsx')];
		const { stdout } = await run(process.execPath, [...tsx, fileOf(name)]);
		const [, end = '{}'] = /^In the end: (.*)$/m.exec(stdout) ?? [];
		assert.deepEqual(JSON.parse(end), ends[name]);
		assert.ok(stdout.split('\n').length > 4, 'it says what happens');
	});

	test(
		`the example ${name} ends alike though its nodes are killed at random instants`,
		bounded,
		async (t) => {
			let deaths = 0;
			for (let seed = 1; deaths < deathsMin; seed += 1) {
				const found = await killing(story, {
					seed: seed * 100 + name.length,
					left: deathsMin - deaths,
				});
				t.diagnostic(`seed ${found.seed}: ${found.deaths} deaths`);
				assert.deepEqual(found.end, ends[name], `seed ${found.seed}:\n${found.said.join('\n')}`);
				deaths += found.deaths;
			}
		},
	);
}

const end = (instant: string | number): string =>
	typeof instant === 'number' ? `${instant} ms` : instant || 'the end';

/** Plays a story in which nodes are killed at random instants, about `left` times. */
async function killing(story: Story, { seed, left }: { seed: number; left: number }) {
	const chance = seededChance(seed);
	const said: string[] = [];
	let lives = 0;
	const performed = await perform(story, {
		say: (text) => void said.push(text),
		crashAt(node) {
			lives += 1;
			// Each node is left alone in its last run.
			const instant = lives < left + story.nodes.length ? randomInstant(chance) : '';
			said.push(`${node} lives until ${end(instant)}`);
			return instant;
		},
	});
	return { ...performed, seed, said };
}
