/**
 * `reeve demo` shows the promise of reeve: a ship and then central are killed in the middle of
 * work, and lost and doubled commands are counted from files that the commands themselves write.
 *
 * @module
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { defineCommand } from '../arguments/command.ts';
import { playDemo, type Played } from '../fleet/demo-scenario.ts';
import { shade, tableText } from '../output/render.ts';

/** With fewer messages all might be done before a node could be killed. */
const messagesMin = 50;
const messagesMax = 100_000;

/** Runs the demo; 0 only if nothing was lost and nothing ran twice. */
export default defineCommand({
	arguments: [],
	options: [
		{ flags: '--messages <number>', help: 'How many commands to send (200)' },
		{ flags: '--json', help: 'Print one line of JSON instead of the story' },
	],
	examples: ['reeve demo', 'reeve demo --messages 1000', 'reeve demo --json'],
	async run({ options }, { screen, clock, interrupts, host, environment }) {
		const messages = countOf(options['messages']);
		const isStory = options['json'] !== true;
		const startedAt = clock.monotonic();
		const seconds = () => Math.round((clock.monotonic() - startedAt) / 100) / 10;
		const tell = (text: string): void => {
			if (isStory) screen.out(`${seconds().toFixed(1).padStart(5)}s  ${text}\n`);
		};
		if (isStory) screen.out(prologue(messages));
		const folder = await mkdtemp(join(tmpdir(), 'reeve-demo-'));
		try {
			const { signal } = interrupts;
			const { self } = host;
			const played = await playDemo({ folder, messages, self, environment, clock, signal, tell });
			const { count } = played;
			screen.out(isStory ? await epilogue(played) : jsonLine(played, seconds()));
			return count.lost + count.doubled === 0 ? exitCodes.ok : exitCodes.bug;
		} catch (thrown) {
			if (!interrupts.signal.aborted) throw thrown;
			screen.note('interrupted: everything is stopped and removed');
			return exitCodes.interrupted;
		} finally {
			await rm(folder, { recursive: true, force: true, maxRetries: 5 });
		}
	},
});

function countOf(given: string | boolean | undefined): number {
	const count = given === undefined ? 200 : Number(given);
	if (Number.isInteger(count) && count >= messagesMin && count <= messagesMax) return count;
	const range = `a number from ${messagesMin} to ${messagesMax}`;
	throw new ReeveError('bad_usage', `--messages ${String(given)}: not ${range}`);
}

function jsonLine({ count, kills, replayed }: Played, seconds: number): string {
	const { sent, executed, interrupted, lost, doubled } = count;
	const line = { sent, executed, interrupted, lost, doubled, kills, replayed, seconds };
	return `${JSON.stringify(line)}\n`;
}

function prologue(messages: number): string {
	return [
		`central sends ${messages} commands to ship1 and ship2; each appends its id to a file there.`,
		'Meanwhile ship1 and then central are killed with SIGKILL. Then the files are counted.',
		'',
		'',
	].join('\n');
}

async function epilogue({ count }: Played): Promise<string> {
	const { sent, executed, interrupted, interruptedExecuted, lost, doubled } = count;
	const verdict = (figure: number) => shade(figure === 0 ? 'good' : 'bad', String(figure));
	const rows = [
		['sent', String(sent), ''],
		['executed', String(executed), 'ids in the files of the ships'],
		[
			'interrupted',
			String(interrupted),
			`reported as interrupted to central; ${interruptedExecuted} of these had done their work`,
		],
		['lost', verdict(lost), 'neither executed nor reported to central'],
		['doubled', verdict(doubled), 'ids that are in a file twice'],
	];
	const isKept = lost + doubled === 0;
	const next = isKept
		? 'Nothing was lost, and nothing ran twice.'
		: 'This should not have happened.';
	return `\n${await tableText(['', '', ''], rows)}\n${next}  next: reeve dev\n`;
}
