/**
 * The folders of a node that messages may not write into: where they are, and that they are not in
 * the data folder.
 *
 * @module
 */
import { realpathSync } from 'node:fs';
import { basename, dirname, join, resolve, sep } from 'node:path';
import { targetOf } from '../files/atomic-file.ts';
import { ReeveError } from '../platform/errors.ts';
import type { Config } from './config.ts';

/** The absolute path of the folder of startup messages. */
export function startupFolderOf(config: Pick<Config, 'startupFolder' | 'databaseFolder'>): string {
	return resolve(config.startupFolder || join(config.databaseFolder, 'startup'));
}

/** The absolute path of the folder in which the node notes what it appends to files. */
export function appendNotesFolderOf({ databaseFolder }: Pick<Config, 'databaseFolder'>): string {
	return resolve(databaseFolder, 'appends');
}

/** Folders whose files the node executes, obeys, believes, or keeps secret. */
const ownFolders = [
	'methodsFolder',
	'definitionsFolder',
	'readFolder',
	'startupFolder',
	'keysFolder',
	'databaseFolder',
	'socketFolder',
] as const;

/** Files of which the same holds. */
const ownFiles = [
	'brokerPasswordFile',
	'rootCAPath',
	'brokerCertPath',
	'brokerKeyPath',
	'listenerTokenFile',
	'listenerTlsCert',
	'listenerTlsKey',
	'listenerTlsClientCA',
] as const;

/**
 * Refuses a configuration in which who may write files by messages could also write programs,
 * definitions, messages, keys or the journal. The data folder must not lie in one of the folders
 * that the node makes in its own, either.
 *
 * @throws ReeveError `bad_config`, naming the key
 */
export function checkFolders(config: Config, configFolder = ''): void {
	const data = realPath(config.subscribersDataFolder);
	const places = [...ownFolders, ...ownFiles].map((key) => [key, config[key]] as const);
	for (const [key, path] of [...places, ['configFolder', configFolder] as const]) {
		if (path === '' || !isWithin(realPath(path), data)) continue;
		const what = `${key} ${path} is in the folder that messages write files into`;
		throw new ReeveError('bad_config', `${what} (subscribersDataFolder): move one of the two`);
	}
	const { keysFolder, readFolder } = config;
	const inner = [keysFolder, startupFolderOf(config), appendNotesFolderOf(config), readFolder];
	for (const path of inner) {
		if (path === '' || !isWithin(data, realPath(path))) continue;
		const what = `subscribersDataFolder ${config.subscribersDataFolder} is in ${path}`;
		throw new ReeveError('bad_config', `${what}, whose files the node obeys: move it elsewhere`);
	}
}

/** Whether a path is a folder, or anything below it. */
function isWithin(path: string, folder: string): boolean {
	return path === folder || path.startsWith(folder.endsWith(sep) ? folder : folder + sep);
}

/** The path without links, of what is not there yet as far as it is there. */
function realPath(path: string): string {
	const whole = resolve(path);
	try {
		return realpathSync(whole);
	} catch {
		const target = linkedFrom(whole);
		const parent = dirname(target);
		return parent === target ? target : join(realPath(parent), basename(target));
	}
}

/** Where a link leads; a path that cannot be followed stays, and is told where it is used. */
function linkedFrom(path: string): string {
	try {
		return targetOf(path);
	} catch {
		return path;
	}
}
