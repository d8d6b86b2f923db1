/**
 * The other side of `forked.ts`: what a forked host does with what it is told.
 *
 * @module
 */
import process from 'node:process';

/** Does a job, and returns what it measured. */
export type Work<Job> = (job: Job) => Promise<readonly number[]>;

/**
 * Becomes what the first message says, says so, and does each further message. What fails is told
 * and fails the benchmark.
 */
export function serve<Order, Job>(become: (order: Order) => Promise<Work<Job>>): void {
	const answer = (run: Promise<readonly number[]>): void => {
		run.then(
			(measured) => void process.send?.({ measured }),
			(thrown: unknown) => void process.send?.({ failed: textOf(thrown) }),
		);
	};
	process.once('message', (order: Order) => {
		const start = async (): Promise<readonly number[]> => {
			const work = await become(order);
			process.on('message', (job: Job) => answer(work(job)));
			return [];
		};
		answer(start());
	});
	process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
	process.once('SIGTERM', () => process.kill(process.pid, 'SIGINT'));
}

function textOf(thrown: unknown): string {
	return thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown);
}
