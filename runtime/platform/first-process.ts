/**
 * Process 1 of a container. The kernel gives it every process whose parent has ended, and it must
 * wait for each: Node.js waits only for processes that it has started itself, so what commands
 * leave behind stays in the table of processes for ever, defunct, until no other can be started.
 *
 * @module
 */
import process from 'node:process';

/** What is wrong, and what to do about it. */
export const firstProcess = {
	what: 'it is process 1, and collects the defunct processes that commands leave behind',
	cure: 'start it below an init: docker run --init, tini -- reeve run, or systemd',
} as const;

/** Whether this process, or that of this id, is process 1. */
export function isFirstProcess(pid: number = process.pid): boolean {
	return pid === 1;
}
