/**
 * Mistakes planted in what reaches the world: files, timers, expressions, the command line.
 *
 * @module
 */
import type { Mutant } from './mutant.ts';

const resultFile = 'actors/io/result-file.ts';
const resultFileSpec = 'spec/actors/io/result-file.test.ts';

/** Planted mistakes in effects. */
export const effects: readonly Mutant[] = [
	{
		id: 'append-is-noted-after-it',
		file: resultFile,
		from: `				await writeFile(notePath, JSON.stringify(note), { mode: fileMode });
			}
			await appendWhole(handle, bytes, done ?? 0);`,
		to: `				await appendWhole(handle, bytes, 0);
				await writeFile(notePath, JSON.stringify(note), { mode: fileMode });
			} else await appendWhole(handle, bytes, done);`,
		specs: [resultFileSpec],
		only: 'cannot be noted|a power cut',
	},
	{
		id: 'replaced-file-is-not-flushed',
		file: resultFile,
		from: 'await handle.sync();',
		to: 'void handle;',
		specs: [resultFileSpec],
		only: '^a power cut',
	},
	{
		id: 'folder-of-a-replaced-file-is-not-flushed',
		file: resultFile,
		from: 'await syncFolder(folder);',
		to: 'void folder;',
		specs: [resultFileSpec],
		only: '^a power cut',
	},
	{
		id: 'appended-text-is-not-flushed',
		file: 'actors/io/whole-append.ts',
		from: 'await handle.datasync();',
		to: 'void handle;',
		specs: [resultFileSpec],
		only: '^a power cut',
	},
	{
		id: 'tail-at-the-end-of-its-file-begins-anew',
		file: 'actors/io/file-identity.ts',
		from: '.size < position) return false;',
		to: '.size <= position) return false;',
		specs: ['spec/actors/io/file-tail.test.ts'],
		only: 'between two runs',
	},
	{
		id: 'downtime-before-a-timer-counts-again',
		file: 'runtime/pending/timers.ts',
		from: 'row.dueAt + downMs - row.downMs;',
		to: 'row.dueAt + downMs;',
		specs: ['spec/runtime/pending/timers.test.ts'],
		only: 'remaining time',
	},
	{
		id: 'guard-that-is-no-boolean-is-true',
		file: 'actors/declarative/values.ts',
		from: "if (typeof verdict === 'boolean') return verdict;",
		to: 'if (verdict !== undefined) return verdict !== false;',
		specs: ['spec/actors/declarative/yaml-definition.test.ts'],
		only: 'neither true nor false',
	},
	{
		id: 'refused-message-of-several-exits-with-0',
		file: 'transports/cli/client/send-message.ts',
		from: 'return exitCode === exitCodes.ok ? refusedCode : exitCode;',
		to: 'return exitCode;',
		specs: ['spec/transports/cli/commands/send.test.ts'],
		only: 'a refused message',
	},
];
