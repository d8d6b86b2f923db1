/**
 * `reeve keys` manages the key pair of this node, the keys that it trusts, and keys for people and
 * programs.
 *
 * @module
 */
import { join } from 'node:path';
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { checkName } from '../../../runtime/message/topics.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import {
	nextClientCount,
	signAsClient,
	withSignatureLine,
} from '../../../runtime/security/client-signature.ts';
import {
	fingerprint,
	keyText,
	makeKey,
	ownerOf,
	readPrivateKey,
} from '../../../runtime/security/keyring.ts';
import type { AcceptedKey } from '../../../runtime/security/pending-keys.ts';
import { readJson } from '../../../runtime/text/lenient-json.ts';
import { checkRevocation } from '../../../runtime/security/authorization.ts';
import { defineCommand, type CommandInput, type CommandTools } from '../arguments/command.ts';
import { yamlText } from '../../../runtime/text/yaml.ts';
import { tableText } from '../output/render.ts';
import { invitation, invitationRemarks, invitedBy, writeInvitation } from '../client/invitation.ts';
import {
	isConfirmed,
	tellNodes,
	securityFolder,
	securityOptions,
	type SecurityFolder,
} from '../client/security-folder.ts';

type Confirmable = SecurityFolder & { readonly isConfirmed: boolean };

type Act = (
	words: readonly string[],
	files: Confirmable & { readonly options: CommandInput['options'] },
	tools: CommandTools,
) => Promise<void>;

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
	async pending(_words, { pending }, { screen }) {
		const rows = pending.list().map(({ name, key, isOther }) => {
			return [name, fingerprint(key), key, isOther ? 'another key of it is trusted' : ''];
		});
		screen.out(await tableText(['NAME', 'FINGERPRINT', 'KEY', 'NOTE'], rows));
		if (rows.length > 0) screen.note('compare with reeve keys show there; then: reeve keys accept');
		for (const name of pending.full()) {
			screen.note(
				`${name} announces no further keys here until some are rejected: reeve keys reject`,
			);
		}
	},
	async accept(words, files, { screen }) {
		await Promise.resolve();
		const { name, key, isAccepted } = accepted(words, files);
		screen.out(`${isAccepted ? 'accepted already' : 'accepted'}: ${name} ${fingerprint(key)}\n`);
	},
	async reject([name, print], { pending }, { screen }) {
		await Promise.resolve();
		const count = pending.reject(nameIn(name, 'reject'), print);
		screen.out(`rejected: ${count} of ${name}\n`);
	},
	async invite(words, { config, keyring, options }, { screen }) {
		await Promise.resolve();
		const invited = invitedBy(words);
		const text = yamlText(invitation(invited, { config, key: keyring.ownKey() }));
		const { out } = options;
		if (typeof out === 'string') writeInvitation(out, text);
		else screen.out(text);
		for (const remark of invitationRemarks(invited, config)) screen.note(remark);
	},
	async trust([owner, key], { keyring }, { screen }) {
		await Promise.resolve();
		if (key === undefined) throw new ReeveError('bad_usage', 'keys trust: whose key, and the key');
		keyring.trust({ ...ownerOf(owner), key });
		screen.out(`trusted: ${owner} ${fingerprint(key)}\n`);
	},
	async revoke([owner, key], files, { screen }) {
		const { keyring, administrator, isConfirmed: isSure } = files;
		await Promise.resolve();
		checkRevocation(ownerOf(owner), key, { keyring, administrator, isConfirmed: isSure });
		const count = keyring.revoke(ownerOf(owner), key);
		if (count === 0) throw new ReeveError('not_found', `no such key of ${owner} is trusted here`);
		screen.out(`revoked: ${count} of ${owner}\n`);
	},
	async sign([name = '', topic = ''], { folder, options }, { screen, clock }) {
		await Promise.resolve();
		if (topic === '') throw new ReeveError('bad_usage', 'keys sign NAME TOPIC < message.json');
		const key = readPrivateKey(personKey(folder, name));
		const body = signableBody(readFileSync(0));
		const file = join(folder, 'people', `${checkName('person', name)}.count`);
		const { responseTopic, correlation } = options;
		const around = {
			topic,
			...(typeof responseTopic === 'string' ? { responseTopic } : {}),
			...(typeof correlation === 'string' ? { correlationData: Buffer.from(correlation) } : {}),
		};
		const count = nextClientCount(file, clock.now());
		const proof = signAsClient(body, around, { by: name, count, key });
		if (options['properties'] !== true) {
			return screen.out(Buffer.from(withSignatureLine(body, proof)).toString());
		}
		for (const [part, said] of Object.entries(proof)) screen.out(`reeve-${part} ${said}\n`);
	},
};

/**
 * A body as it is signed and published: to the byte.
 *
 * @throws ReeveError `bad_json`, or `bad_message` if a node would refuse it
 */
function signableBody(bytes: Buffer): Uint8Array {
	const read = readJson(bytes);
	if (read?.type === 'error') throw read.error;
	const messages: unknown[] = [read?.value].flat();
	const isMessage = (each: unknown) => typeof each === 'object' && each !== null && 'id' in each;
	if (messages.length === 0 || !messages.every(isMessage)) {
		throw new ReeveError(
			'bad_message',
			'a message with an id, as a JSON object, or a list of them',
		);
	}
	// It is printed as text.
	if (isUtf8(bytes)) return bytes;
	throw new ReeveError('bad_message', 'the message is no text in UTF-8');
}

/** Works on the files; a node that runs sees them within a second. */
export default defineCommand({
	arguments: [
		{
			name: '<what>',
			help: 'What to do',
			choices: Object.keys(acts),
		},
		{
			name: '[words...]',
			help: 'Whose key: NODE or client:NAME; then the key, or with invite a host',
		},
	],
	options: [
		...securityOptions,
		{ flags: '--out <file>', help: 'With invite: write it there, for its owner only' },
		{ flags: '--response-topic <topic>', help: 'With sign: the response topic of MQTT 5' },
		{ flags: '--correlation <text>', help: 'With sign: the correlation data of MQTT 5' },
		{
			flags: '--properties',
			help: 'With sign: print user properties of MQTT 5, a line each, not the message',
		},
	],
	examples: [
		'reeve keys new                              # the pair of this node, if it has none',
		'reeve keys trust ship1 ed25519:LETTERS      # what reeve keys show says there',
		'reeve keys trust ship2 ed25519:LETTERS --to ship1   # central tells ship1',
		'reeve keys pending                          # nodes whose keys are not accepted yet',
		'reeve keys accept ship1 FINGERPRINT         # what reeve keys show says there',
		'reeve keys accept ship1 FINGERPRINT --to ship2   # here as well, and central tells ship2',
		'reeve keys reject ship1',
		'reeve keys invite ship1 central.example --out ship1.yaml   # its first configuration',
		'reeve keys revoke ship1',
		'reeve keys new alice                        # for a person or a program without a node',
		'reeve keys sign alice reeve/ship1/REQPing/EventACK < message.json',
	],
	async run(input, tools) {
		const [what = '', ...words] = input.words;
		const { options } = input;
		const files = { ...securityFolder(input, tools), isConfirmed: isConfirmed(input), options };
		if (input.options['to'] !== undefined) {
			const given = { input, tools };
			return tell(what, what === 'accept' ? handedOn(words, files, given) : words, given);
		}
		await acts[what]?.(words, files, tools);
		return exitCodes.ok;
	},
});

function tell(
	what: string,
	words: readonly string[],
	given: { input: CommandInput; tools: CommandTools },
): Promise<number> {
	if (!['accept', 'list', 'trust', 'revoke'].includes(what)) {
		throw new ReeveError('bad_usage', `keys ${what} is for this node; leave --to out`);
	}
	return tellNodes('keys-update', [what === 'accept' ? 'trust' : what, ...words], given);
}

/** Accepts a pending key here; one that is accepted already stays so. */
function accepted(
	[name, print]: readonly string[],
	{ pending, isConfirmed: isSure }: Confirmable,
): AcceptedKey {
	return pending.accept(nameIn(name, 'accept'), print, isSure);
}

/** Accepts a key here, and says so; the words that make other nodes trust it. */
function handedOn(
	words: readonly string[],
	files: Confirmable,
	{ input, tools }: { input: CommandInput; tools: CommandTools },
): readonly string[] {
	const { name, key, isAccepted } = accepted(words, files);
	const here = `${name} ${fingerprint(key)} is accepted here${isAccepted ? ' already' : ''}`;
	tools.screen.note(`${here}; ${String(input.options['to'])} is told`);
	return [name, key];
}

function nameIn(name: string | undefined, what: string): string {
	if (name !== undefined) return checkName('node', name);
	throw new ReeveError('bad_usage', `keys ${what} NODE [FINGERPRINT]; see: reeve keys pending`);
}

function personKey(folder: string, name: string): string {
	return join(folder, 'people', `${checkName('person', name)}.key`);
}
