/**
 * Stopping: how a supervisor ends a child, or many at once. It watches the child anew before it
 * asks, so a child that has got rid of an earlier watcher cannot keep its supervisor waiting.
 *
 * @module
 */
import type { Clock } from '../../runtime/platform/clock.ts';
import type { Shutdown } from './child-spec.ts';
import type { Child } from './child.ts';

/**
 * Stops children, one or many, all at once and under one common timer: those that are left when it
 * runs out are killed. Calls `done` when all have ended; after a kill there is no limit to that
 * wait, for there is nothing else to be done.
 */
export function stopChildren(
	children: readonly Child[],
	{ shutdown, clock }: { readonly shutdown: Shutdown; readonly clock: Clock },
	done: () => void,
): void {
	const killLeft = (): void => {
		for (const child of children) if (child.exitReason === undefined) child.kill();
	};
	const timer = typeof shutdown === 'number' ? clock.after(shutdown, killLeft) : undefined;
	let left = children.length + 1;
	const oneLess = (): void => {
		left -= 1;
		if (left > 0) return;
		timer?.cancel();
		done();
	};
	for (const child of children) child.onExit(oneLess);
	if (shutdown === 'brutal_kill') killLeft();
	else for (const child of children) child.shutdown('shutdown');
	// The one more that was counted: without children, or if all have ended meanwhile, this is it.
	oneLess();
}
