/**
 * Watches the definitions folder: tells what is wrong with it at the start, records what was put in
 * force, and reloads it once its files have not changed for a while.
 *
 * @module
 */
import { watch, type FSWatcher } from 'node:fs';
import type { Timer } from '../../runtime/platform/clock.ts';
import { asReeveError } from '../../runtime/platform/errors.ts';
import type { NodeServices, Reload } from '../composition/node-services.ts';

/** Starts watching. */
export async function watchDefinitions(
	services: Pick<
		NodeServices,
		'clock' | 'config' | 'definitions' | 'isSafe' | 'journal' | 'signals'
	>,
	reload: Reload,
): Promise<{ stop(): Promise<void> }> {
	const { definitions, journal, signals, config, clock } = services;
	const { definitionsFolder: folder, definitionsWatch, definitionsSettleMs } = config;
	for (const { file, actor = '', problem } of definitions.files.values()) {
		if (problem === undefined) continue;
		signals.emit('definition.refused', { file, actor, detail: problem });
	}
	await journal.commit(definitions.firstRecords());
	let timer: Timer | undefined;
	let running: Promise<unknown> = Promise.resolve();
	const run = (): void => {
		timer = undefined;
		running = reload().catch((thrown: unknown) => {
			const { code, detail } = asReeveError(thrown);
			signals.emit('definition.refused', { file: folder, actor: '', detail: `${code}: ${detail}` });
		});
	};
	let watcher: FSWatcher | undefined;
	if (folder !== '' && definitionsWatch && !services.isSafe) {
		watcher = watch(folder, { persistent: false }, () => {
			timer?.cancel();
			timer = clock.after(definitionsSettleMs, run);
		});
		watcher.on('error', (thrown) => {
			signals.emit('definition.refused', { file: folder, actor: '', detail: String(thrown) });
		});
	}
	return {
		async stop() {
			watcher?.close();
			timer?.cancel();
			await running;
		},
	};
}
