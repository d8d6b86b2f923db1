/**
 * Compiles the steps of YAML definitions: commands, HTTP requests and files.
 *
 * @module
 */
import { readFile } from 'node:fs/promises';
import type { AnyActorLogic } from 'xstate';
import { dataFile, fileError, regularFile } from '../../runtime/files/data-folder.ts';
import { durationMs } from '../../runtime/text/duration.ts';
import { ReeveError } from '../../runtime/platform/errors.ts';
import { runCommand } from '../io/command.ts';
import { contentOf, textOf as decoded } from '../io/text-content.ts';
import { appendStep } from './append-step.ts';
import { requestStep } from './request-step.ts';
import { whileFull, withAdvice } from '../io/full-disk.ts';
import { replaceFile } from '../io/result-file.ts';
import { orphanMark } from '../io/orphan-commands.ts';
import type { StepYaml } from './step-schema.ts';
import { textOf } from './values.ts';
import { step, type StepContext } from '../definition/step.ts';

/** What the steps of YAML definitions need from their node. */
export interface StepSurroundings {
	readonly node: string;
	/** The data folder. */
	readonly dataFolder: string;
	/** Where the node notes what its steps append. */
	readonly notesFolder: string;
	/** The most bytes that a command, a request or a file may return. */
	readonly outputBytesMax: number;
	/** The most redirects that a request follows. */
	readonly redirectsMax?: number;
	/** The pause before a full disk is tried again. */
	readonly diskRetryMs?: number;
}

const defaultRetryMs = 1000;
const defaultRedirectsMax = 20;

/** The input of a step: its fields, with the values of the turn. */
export type StepInput = Readonly<Partial<Record<keyof StepYaml, unknown>>>;

/** Compiles a step. */
export function builtStep(yaml: StepYaml, surroundings: StepSurroundings): AnyActorLogic {
	const timeoutMs = durationMs(yaml.timeout ?? '');
	return step<unknown, StepInput>({
		onCrash: yaml.onCrash ?? (isRepeatable(yaml) ? 'retry' : 'once'),
		...(timeoutMs === undefined ? {} : { timeoutMs }),
		run: (input, context) => run(input, context, surroundings),
	});
}

/** Whether a step may run twice without harm. */
function isRepeatable({ command, http }: StepYaml): boolean {
	if (command) return false;
	return !http || ['GET', 'HEAD'].includes(http.method ?? 'GET');
}

async function run(
	input: StepInput,
	context: StepContext,
	surroundings: StepSurroundings,
): Promise<unknown> {
	const { command, http, readFile: path, writeFile, appendFile } = input;
	if (command !== undefined) return execute(input, context, surroundings);
	if (http !== undefined) {
		const { outputBytesMax: bytesMax, redirectsMax = defaultRedirectsMax } = surroundings;
		return requestStep(http, context, { bytesMax, redirectsMax });
	}
	if (path !== undefined) return read(await placeOf(path, surroundings), surroundings);
	const { file, data } = (writeFile ?? appendFile ?? {}) as { file?: unknown; data?: unknown };
	const place = await placeOf(file, surroundings);
	const bytes = Buffer.from(textOf(data));
	const id = context.idempotencyKey.replaceAll(/[^\w-]/g, '-');
	const { clock, signal } = context;
	const { diskRetryMs: retryMs = defaultRetryMs, notesFolder } = surroundings;
	const onWait = (why: ReeveError) => context.warn?.(withAdvice(why));
	await whileFull({ clock, signal, retryMs, onWait }, () =>
		writeFile === undefined
			? appendStep({ path: place, bytes, id, notesFolder })
			: replaceFile(place, bytes, { id }),
	);
	return { bytes: bytes.byteLength };
}

function placeOf(path: unknown, { dataFolder }: StepSurroundings): Promise<string> {
	return dataFile(dataFolder, textOf(path));
}

async function execute(input: StepInput, context: StepContext, surroundings: StepSurroundings) {
	const { idempotencyKey, signal, clock } = context;
	const { node, outputBytesMax } = surroundings;
	const argv = (input.command as readonly unknown[]).map(textOf);
	const [storeId = '', stepId = ''] = idempotencyKey.split(':');
	const given = Object.entries(input.env ?? {}).map(([name, held]) => [name, textOf(held)]);
	const env = {
		...(Object.fromEntries(given) as Record<string, string>),
		...orphanMark(storeId, stepId),
		REEVE_NODE: node,
		REEVE_IDEMPOTENCY_KEY: idempotencyKey,
	};
	const end = await runCommand({ argv, env, signal, clock, outputBytesMax });
	const stderr = decoded(end.stderr);
	if (end.cut === 'output_too_large') {
		throw new ReeveError('output_too_large', `more than ${outputBytesMax} bytes`);
	}
	if (end.exitCode === 0) {
		return { exitCode: 0, stdout: decoded(end.stdout), stderr };
	}
	const how = end.killedBy ? `killed by ${end.killedBy}` : `exit code ${end.exitCode}`;
	throw new ReeveError('command_failed', `${how} ${stderr.trim()}`.trim().slice(0, detailMax));
}

/** How many characters of a failed command's stderr are kept in the error. */
const detailMax = 1000;

async function read(path: string, { outputBytesMax }: StepSurroundings): Promise<unknown> {
	try {
		const { size = 0 } = (await regularFile(path)) ?? {};
		if (size > outputBytesMax) throw new ReeveError('output_too_large', `${size} bytes`);
		return contentOf(await readFile(path), false);
	} catch (thrown) {
		throw fileError(thrown);
	}
}
