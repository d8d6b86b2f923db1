/**
 * `reeve keys` manages the key pair of this node, the keys that it trusts, and keys for people and
 * programs.
 *
 * @module
 */
import { join } from 'node:path';
import { readFileSync } from 'node:fs';
import { checkName } from '../../../runtime/message/topics.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { nextClientCount, signAsClient } from '../../../runtime/security/client-signature.ts';
import {
	fingerprint,
	keyText,
	makeKey,
	ownerOf,
	readPrivateKey,
} from '../../../runtime/security/keyring.ts';
import { readJson } from '../../../runtime/text/lenient-json.ts';
import { checkRevocation } from '../../../runtime/security/authorization.ts';
import { defineCommand, type CommandInput, type CommandTools } from '../arguments/command.ts';
import { tableText } from '../output/render.ts';
import {
	isConfirmed,
	tellNodes,
	securityFolder,
	securityOptions,
	type SecurityFolder,
} from '../client/security-folder.ts';

type Act = (
	words: readonly string[],
	files: SecurityFolder & { readonly isConfirmed: boolean },
	tools: CommandTools,
) => Promise<void>;

/** Works on the files; a node that runs sees them within a second. */
export default defineCommand({
	arguments: [
		{
			name: '<what>',
			help: 'What to do',
			choices: ['new', 'show', 'list', 'trust', 'revoke', 'sign'],
		},
		{ name: '[words...]', help: 'Whose key: NODE or client:NAME; then the key' },
	],
	options: securityOptions,
	examples: [
		'reeve keys new                              # the pair of this node, if it has none',
		'reeve keys trust ship1 ed25519:LETTERS      # what reeve keys show says there',
		'reeve keys trust ship2 ed25519:LETTERS --to ship1   # central tells ship1',
		'reeve keys revoke ship1',
		'reeve keys new alice                        # for a person or a program without a node',
		'reeve keys sign alice reeve/ship1/REQPing/EventACK < message.json',
	],
	async run(input, tools) {
		const [what = '', ...words] = input.words;
		if (input.options['to'] !== undefined) return tell(what, words, { input, tools });
		const files = { ...securityFolder(input, tools), isConfirmed: isConfirmed(input) };
		await acts[what]?.(words, files, tools);
		return exitCodes.ok;
	},
});

function tell(
	what: string,
	words: readonly string[],
	given: { input: CommandInput; tools: CommandTools },
): Promise<number> {
	if (!['list', 'trust', 'revoke'].includes(what)) {
		throw new ReeveError('bad_usage', `keys ${what}: a private key is never sent; leave --to out`);
	}
	return tellNodes('keys-update', [what, ...words], given);
}

const acts: Readonly<Record<string, Act>> = {
	async new([name], { folder, keyring }, { screen }) {
		await Promise.resolve();
		if (name === undefined) return screen.out(`${keyring.ownKey()}\n`);
		const path = personKey(folder, name);
		screen.out(`${keyText(makeKey(path))}\n`);
		screen.note(`the private key is ${path}; nodes need: reeve keys trust client:${name} KEY`);
	},
	async show(_words, { node, keyring }, { screen }) {
		await Promise.resolve();
		const key = keyring.ownKey();
		screen.out(`${key}\n`);
		screen.note(`${node}, fingerprint ${fingerprint(key)}`);
	},
	async list(_words, { keyring }, { screen }) {
		const rows = keyring.list().map(({ kind, name, key }) => [kind, name, key, fingerprint(key)]);
		screen.out(await tableText(['KIND', 'NAME', 'KEY', 'FINGERPRINT'], rows));
		for (const { place, why } of keyring.problems()) screen.note(`not trusted: ${place}: ${why}`);
	},
	async trust([owner, key], { keyring }, { screen }) {
		await Promise.resolve();
		if (key === undefined) throw new ReeveError('bad_usage', 'keys trust: whose key, and the key');
		keyring.trust({ ...ownerOf(owner), key });
		screen.out(`trusted: ${owner} ${fingerprint(key)}\n`);
	},
	async revoke([owner, key], { keyring, administrator, isConfirmed: isSure }, { screen }) {
		await Promise.resolve();
		checkRevocation(ownerOf(owner), key, { keyring, administrator, isConfirmed: isSure });
		const count = keyring.revoke(ownerOf(owner), key);
		if (count === 0) throw new ReeveError('not_found', `no such key of ${owner} is trusted here`);
		screen.out(`revoked: ${count} of ${owner}\n`);
	},
	async sign([name = '', topic = ''], { folder }, { screen, clock }) {
		await Promise.resolve();
		if (topic === '') throw new ReeveError('bad_usage', 'keys sign NAME TOPIC < message.json');
		const key = readPrivateKey(personKey(folder, name));
		const read = readJson(readFileSync(0));
		if (read?.type === 'error') throw read.error;
		const raw = read?.value;
		if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
			throw new ReeveError('bad_message', 'one message, as a JSON object');
		}
		const file = join(folder, 'people', `${checkName('person', name)}.count`);
		const count = nextClientCount(file, clock.now());
		const signed = signAsClient(raw, topic, { by: name, count, key });
		screen.out(`${JSON.stringify(signed)}\n`);
	},
};

function personKey(folder: string, name: string): string {
	return join(folder, 'people', `${checkName('person', name)}.key`);
}
