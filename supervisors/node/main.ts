#!/usr/bin/env node
/**
 * The program. It decides nothing: the command line is in `transports/cli`, the node in `node.ts`,
 * which is loaded only by the commands that run one, so that the others start quickly.
 *
 * @module
 */
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../../transports/cli/program.ts';

// Each user of the machine can read the command line of a process.
const secretWords = /^--?broker-?password(?!-?file)|:\/\/[^@/]*:[^@/]*@/i;
if (process.argv.some((word) => secretWords.test(word))) process.title = 'reeve';

const exitCode = await runProgram(process.argv.slice(2), {
	self: [process.execPath, ...process.execArgv, fileURLToPath(import.meta.url)],
	async startNode(config, choices, print) {
		const { startNode } = await import('./node.ts');
		return startNode(config, { choices, ownsProcess: true, console: print });
	},
	async methods(config) {
		const { declaredMethods } = await import('./declared-methods.ts');
		return declaredMethods(config);
	},
	async replay(what, tell) {
		const { replayStore } = await import('./offline-replay.ts');
		return replayStore(what, tell);
	},
	async checkDefinitions(path) {
		const { checkDefinitions } = await import('./offline-replay.ts');
		return checkDefinitions(path);
	},
	async definitionSchema() {
		const { definitionJsonSchema } = await import('../../actors/declarative/definition-schema.ts');
		return definitionJsonSchema();
	},
	async fork(what) {
		const { forkInstance } = await import('./offline-replay.ts');
		return forkInstance(what);
	},
});

// Do not wait for what is still open, such as the standard input that a parent holds.
process.exit(exitCode);
