/**
 * Stopping: how a supervisor ends a child, or many at once. It watches the child anew before it asks, so a
 * child that has got rid of an earlier watcher cannot keep its supervisor waiting.
 *
 * @module
 */
import type { Clock } from '../runtime/clock.ts';
import type { Shutdown } from './child-spec.ts';
import type { Child } from './child.ts';
import type { ExitReason } from './exit-reason.ts';

/**
 * Stops children, one or many, all at once and under one common timer: those that are left when it
 * runs out are killed; then `done` gets the reasons with which they ended. After a kill there is no limit to the wait, for there is nothing else to be done.
 */
export function stopChildren(
	children: readonly Child[],
	{ shutdown, clock }: { shutdown: Shutdown; clock: Clock },
	done: (reasons: ReadonlyMap<Child, ExitReason>) => void,
): void {
	const reasons = new Map<Child, ExitReason>();
	const killLeft = (): void => {
		for (const child of children) if (child.exitReason === undefined) child.kill();
	};
	const limitMs = typeof shutdown === 'number' ? shutdown : undefined;
	const timer = limitMs === undefined ? undefined : clock.after(limitMs, killLeft);
	const finish = (): void => {
		timer?.cancel();
		done(reasons);
	};
	if (children.length === 0) finish();
	for (const child of children) {
		child.onExit((reason) => {
			reasons.set(child, reason);
			if (reasons.size === children.length) finish();
		});
	}
	if (shutdown === 'brutal_kill') killLeft();
	else for (const child of children) child.shutdown('shutdown');
}
