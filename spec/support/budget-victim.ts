/**
 * A process with a supervisor that keeps its budget in a file, to be killed by a spec. Its children
 * are `other`, and `stuck`, which starts once at most in all processes. It does what it is told by
 * words on its IPC channel, and answers each with what it has become. Only the channel keeps it
 * alive.
 *
 * @module
 */
import { existsSync, writeFileSync } from 'node:fs';
import process from 'node:process';
import { realClock } from '../../runtime/platform/clock.ts';
import { fileBudgets } from '../../supervisors/otp/budget-file.ts';
import { startSupervisor } from '../../supervisors/otp/supervisor.ts';
import { exit, fate, living, worker } from './supervised.ts';

const [file = '', keeps] = process.argv.slice(2);
const mark = `${file}.started`;
const stuck = worker('stuck');
const hourMs = 3_600_000;

const tell = (text: string) => process.send?.(text);

try {
	const top = await startSupervisor(
		{
			name: 'top',
			strategy: 'one_for_one',
			intensity: 1,
			period: 3600,
			// What cannot be started is not tried again while the spec looks on.
			backoff: { minMs: hourMs, maxMs: hourMs },
			children: [
				worker('other'),
				{
					...stuck,
					start(context) {
						if (existsSync(mark)) throw new Error('stuck');
						writeFileSync(mark, '');
						return stuck.start(context);
					},
				},
			],
		},
		{ clock: realClock, budgets: keeps === 'keeps' ? fileBudgets(file) : undefined },
	);
	const states = () => {
		const rows = Object.entries(living(top)).map(([id, is]) => (is.includes('#') ? id : is));
		return `${fate(top)}: ${rows.join(' ')}`;
	};
	process.on('message', (id) => {
		const row = top.view().children.find((child) => child.id === id);
		if (row?.child) exit(row.child, new Error('crash'));
		setImmediate(() => tell(states()));
	});
	tell(states());
} catch (thrown) {
	tell(thrown instanceof Error ? thrown.message : String(thrown));
}
