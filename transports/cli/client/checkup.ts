/**
 * The checkup: checks one by one what a node needs. It changes nothing, and needs no running node.
 *
 * @module
 */
import { accessSync, constants, existsSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import process from 'node:process';
import { readConfig } from '../../../runtime/config/config-file.ts';
import type { Config } from '../../../runtime/config/config.ts';
import { asReeveError, errorTable } from '../../../runtime/platform/errors.ts';
import { firstProcess, isFirstProcess } from '../../../runtime/platform/first-process.ts';
import { clockOffsetVariable } from '../../../runtime/platform/offset-clock.ts';
import { fingerprint, openKeyring } from '../../../runtime/security/keyring.ts';
import { openPendingKeys } from '../../../runtime/security/pending-keys.ts';
import { allRows, createClient } from './socket-client.ts';
import type { CommandInput, CommandTools } from '../arguments/command.ts';
import type { AboutRow } from '../output/description.ts';
import { probeBroker } from '../../mqtt/broker-probe.ts';
import { socketPath } from './socket-path.ts';

/** The result of a check. */
export interface Finding {
	readonly name: string;
	readonly state: 'ok' | 'warning' | 'failed';
	readonly what: string;
	/** What to do about it, unless it is `ok`. */
	readonly cure?: string;
}

type Options = CommandInput['options'];

/** Checks only whether the node runs and works. */
export async function quickCheckup(
	options: Options,
	tools: CommandTools,
): Promise<readonly Finding[]> {
	return [await nodeFinding(options, tools)];
}

/** Checks the program, the configuration, the folders, the broker and the node. */
export async function checkup(options: Options, tools: CommandTools): Promise<readonly Finding[]> {
	const findings = [programFinding()];
	const { config, finding } = configFinding(tools);
	findings.push(finding);
	if (config) {
		for (const [name, folder] of foldersOf(config)) findings.push(folderFinding(name, folder));
		findings.push(await brokerFinding(config, tools), keysFinding(config, tools));
	}
	findings.push(await nodeFinding(options, tools));
	findings.push(await processFinding(options, tools));
	findings.push(await clockFinding(options, tools));
	return findings;
}

function programFinding(): Finding {
	const { version } = process;
	const [major = 0, minor = 0] = version.slice(1).split('.').map(Number);
	if (major > 20 || (major === 20 && minor >= 19)) {
		return { name: 'node.js', state: 'ok', what: version };
	}
	return {
		name: 'node.js',
		state: 'failed',
		what: version,
		cure: 'install Node.js 20.19 or later',
	};
}

function configFinding({ environment }: CommandTools): { config?: Config; finding: Finding } {
	const name = 'configuration';
	const folder = environment['CONFIG_FOLDER'] ?? './etc/';
	try {
		const { config } = readConfig({ folder, environment });
		return { config, finding: { name, state: 'ok', what: `node ${config.nodeName}` } };
	} catch (thrown) {
		const { code, message } = asReeveError(thrown);
		const { hint: cure } = errorTable[code];
		return { finding: { name, state: 'failed', what: message, cure } };
	}
}

function foldersOf({ databaseFolder, subscribersDataFolder, socketFolder }: Config) {
	return [
		['journal folder', databaseFolder],
		['data folder', subscribersDataFolder],
		['socket folder', socketFolder],
	] as const;
}

/** A folder may be absent if it can be created. */
function folderFinding(name: string, folder: string): Finding {
	const path = resolve(folder);
	let nearest = path;
	while (!existsSync(nearest) && nearest !== dirname(nearest)) nearest = dirname(nearest);
	try {
		accessSync(nearest, constants.W_OK);
		return { name, state: 'ok', what: nearest === path ? path : `${path} can be made` };
	} catch (thrown) {
		const { code } = thrown as NodeJS.ErrnoException;
		const cure = 'change its owner, or name another folder in the configuration';
		return { name, state: 'failed', what: `${nearest}: ${code}`, cure };
	}
}

async function brokerFinding(config: Config, { clock }: CommandTools): Promise<Finding> {
	const name = 'broker';
	const { brokerAddress, brokerListen } = config;
	if (brokerAddress === '') {
		return { name, state: 'ok', what: `the node starts one on ${brokerListen}` };
	}
	try {
		const { at, isReached, why } = await probeBroker(config, clock);
		if (why === undefined) return { name, state: 'ok', what: at };
		const what = isReached ? `${at}: ${why}` : `${at} does not answer: ${why}`;
		const cure = brokerCures[isReached ? 'silent' : 'away'];
		return { name, state: 'failed', what, cure };
	} catch (thrown) {
		const { code, message: what } = asReeveError(thrown);
		return { name, state: 'failed', what, cure: errorTable[code].hint };
	}
}

/** Whether keys wait for a person, or cannot be read. */
function keysFinding(config: Config, { clock }: CommandTools): Finding {
	const name = 'keys';
	const { keysFolder: folder, nodeName: node, signing, pendingKeysMax: namesMax } = config;
	if (signing === 'off') return { name, state: 'ok', what: 'signing is off' };
	const keyring = openKeyring({ folder, node, clock });
	const [problem] = keyring.problems();
	if (problem) {
		const what = `${problem.place}: ${problem.why}; that key is not trusted`;
		return { name, state: 'failed', what, cure: 'correct the file, or: reeve keys trust' };
	}
	const pending = openPendingKeys({ folder, clock, keyring, namesMax }).list();
	if (pending.length > 0) {
		const keys = pending.map((each) => `${each.name} ${fingerprint(each.key)}`);
		const what = `not accepted yet: ${keys.slice(0, 5).join(', ')}`;
		const cure = 'compare with reeve keys show there, then: reeve keys accept NAME FINGERPRINT';
		return { name, state: 'warning', what, cure };
	}
	return { name, state: 'ok', what: `signing is ${signing}, ${keyring.list().length} trusted` };
}

const brokerCures = {
	away: 'start it, or correct brokerAddress; until then messages wait in the journal',
	silent: 'check that brokerAddress is a broker, its scheme (mqtt, mqtts, ws), and its load',
} as const;

async function nodeFinding(options: Options, tools: CommandTools): Promise<Finding> {
	const name = 'running node';
	try {
		const about = await aboutNode(options, tools);
		if (!about) throw new Error('the node does not describe itself');
		const { mode, signals, open } = about;
		if (mode === 'safe') {
			const cure = 'check reeve get dead and reeve get messages, then start it with --normal';
			return { name, state: 'failed', what: `${about.name} is in safe mode`, cure };
		}
		const failures = (signals['journal.failed'] ?? 0) - (signals['journal.recovered'] ?? 0);
		if (failures > 0) {
			const { meaning, hint: cure } = errorTable.storage_failed;
			return { name, state: 'failed', what: `${about.name}: ${meaning}`, cure };
		}
		const { damagedRows: damaged = 0, quarantined } = about;
		if (quarantined !== undefined) {
			const { meaning, hint: cure } = errorTable.storage_damaged;
			return { name, state: 'warning', what: `${about.name}: ${meaning}: ${quarantined}`, cure };
		}
		if (damaged > 0) {
			const { hint: cure } = errorTable.storage_damaged;
			const what = `${about.name}: ${damaged} damaged rows in its journal; see: reeve get damaged`;
			return { name, state: 'failed', what, cure };
		}
		return { name, state: 'ok', what: `${about.name} ${about.version}, ${open} open messages` };
	} catch (thrown) {
		const { code, message } = asReeveError(thrown);
		return { name, state: 'failed', what: message, cure: errorTable[code].hint };
	}
}

/** Whether the node, or what would start it here, is process 1. */
async function processFinding(options: Options, tools: CommandTools): Promise<Finding> {
	const name = 'process';
	const { pid = process.pid } = (await aboutNode(options, tools).catch(() => undefined)) ?? {};
	if (isFirstProcess(pid)) return { name, state: 'warning', ...firstProcess };
	return { name, state: 'ok', what: 'not process 1: another one waits for orphans' };
}

/** Before this year no clock was set: the machine has none that runs while it is off. */
const firstYear = 2025;

/** Whether the clock can be right, and is that of the machine. */
async function clockFinding(options: Options, tools: CommandTools): Promise<Finding> {
	const name = 'clock';
	const about = await aboutNode(options, tools).catch(() => undefined);
	const { clockOffsetMs, signals = {} } = about ?? {};
	if (clockOffsetMs !== undefined) {
		const what = `that of the node has an offset of ${clockOffsetMs} ms, for tests`;
		return { name, state: 'warning', what, cure: `start the node without ${clockOffsetVariable}` };
	}
	const now = new Date(tools.clock.now());
	if (now.getUTCFullYear() < firstYear) {
		const what = `it shows ${now.toISOString()}: it was never set`;
		const cure = 'set it, or have NTP set it; TLS and cron schedules go by it';
		return { name, state: 'warning', what, cure };
	}
	const jumps = signals['clock.jumped'] ?? 0;
	const times = jumps === 0 ? '' : `; it was set ${jumps} times since the node started`;
	return { name, state: 'ok', what: `${now.toISOString()}${times}` };
}

async function aboutNode(options: Options, tools: CommandTools): Promise<AboutRow | undefined> {
	const client = createClient(socketPath({ options }, tools));
	const [about] = await allRows(client.ask<AboutRow>({ reeve: 'node' }));
	return about;
}
