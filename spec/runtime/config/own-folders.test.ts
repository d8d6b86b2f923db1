import assert from 'node:assert/strict';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'node:test';
import { configOf } from '../../../runtime/config/config.ts';
import {
	appendNotesFolderOf,
	checkFolders,
	startupFolderOf,
} from '../../../runtime/config/own-folders.ts';
import { startNode } from '../../../supervisors/node/node.ts';
import { temporaryFolder } from '../../support/temporary.ts';

const keys = [
	'methodsFolder',
	'definitionsFolder',
	'readFolder',
	'startupFolder',
	'keysFolder',
	'databaseFolder',
	'socketFolder',
	'brokerPasswordFile',
	'rootCAPath',
	'brokerCertPath',
	'brokerKeyPath',
	'listenerTokenFile',
	'listenerTlsCert',
	'listenerTlsKey',
	'listenerTlsClientCA',
] as const;

test('files become no code: what the node executes or believes is not in the data folder', (t) => {
	const folder = temporaryFolder(t);
	const subscribersDataFolder = join(folder, 'data');
	symlinkSync(subscribersDataFolder, join(folder, 'link'));
	for (const key of keys) {
		for (const path of ['data', 'data/a/b', 'other/../data/a', 'link', 'link/a']) {
			const config = configOf({ subscribersDataFolder, [key]: join(folder, path) });
			assert.throws(() => checkFolders(config), { code: 'bad_config', detail: RegExp(key) }, path);
		}
		checkFolders(configOf({ subscribersDataFolder, [key]: join(folder, 'data2') }));
	}
	mkdirSync(subscribersDataFolder);
	const config = configOf({ subscribersDataFolder });
	const refused = { code: 'bad_config', detail: /configFolder/ };
	assert.throws(() => checkFolders(config, join(folder, 'link', 'etc')), refused);
	checkFolders(config, folder);
});

test('files become no code: the data folder is in no folder whose inner folders are read', (t) => {
	const folder = temporaryFolder(t);
	const inner = {
		keysFolder: [folder, 'keys/nodes'],
		readFolder: [folder, 'taken'],
		startupFolder: [folder, ''],
		databaseFolder: [folder, 'startup'],
	};
	for (const [key, [path = '', below = '']] of Object.entries(inner)) {
		const config = configOf({ subscribersDataFolder: join(path, below), [key]: path });
		assert.throws(() => checkFolders(config), { code: 'bad_config' }, key);
	}
	const notes = appendNotesFolderOf({ databaseFolder: folder });
	const config = configOf({ databaseFolder: folder, subscribersDataFolder: notes });
	assert.throws(() => checkFolders(config), { code: 'bad_config', detail: /subscribersData/ });
	assert.equal(startupFolderOf({ startupFolder: '', databaseFolder: folder }), `${folder}/startup`);
});

test('the usual folders, and data below the folder of sockets or of the journal, are taken', (t) => {
	const folder = temporaryFolder(t);
	checkFolders(configOf(), './etc');
	checkFolders(configOf({ socketFolder: folder, subscribersDataFolder: join(folder, 'data') }));
	checkFolders(configOf({ databaseFolder: folder, subscribersDataFolder: join(folder, 'data') }));
	checkFolders(configOf({ definitionsFolder: '.', methodsFolder: '.' }), '.');
});

test('a path that leads nowhere is no matter of the folders', (t) => {
	const folder = temporaryFolder(t);
	writeFileSync(join(folder, 'file'), '');
	symlinkSync('b/x', join(folder, 'a'));
	symlinkSync('a/x', join(folder, 'b'));
	symlinkSync('self', join(folder, 'self'));
	for (const path of ['file/db', 'a/x', 'b', 'self/x', 'self']) {
		const databaseFolder = join(folder, path);
		checkFolders(configOf({ databaseFolder }));
		checkFolders(configOf({ subscribersDataFolder: databaseFolder }));
	}
});

test('a node does not start with its methods in the data folder', async (t) => {
	const folder = temporaryFolder(t);
	const own = { databaseFolder: join(folder, 'db'), subscribersDataFolder: join(folder, 'data') };
	const config = configOf({ ...own, methodsFolder: join(folder, 'data', 'methods') });
	await assert.rejects(startNode(config, { transports: [] }), {
		code: 'bad_config',
		detail: /methodsFolder/,
	});
});
