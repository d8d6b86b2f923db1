/**
 * Mistakes planted in who may do what: access rules, keys, signatures, listeners.
 *
 * @module
 */
import type { Mutant } from './mutant.ts';

const rules = 'runtime/security/access-rules.ts';
const rulesSpec = 'spec/runtime/security/access-rules.test.ts';
const keyring = 'runtime/security/keyring.ts';
const keyringSpec = 'spec/runtime/security/keyring.test.ts';

/** Planted mistakes in access. */
export const access: readonly Mutant[] = [
	{
		id: 'later-deny-has-no-effect',
		file: rules,
		from: "const denying = matching.find(({ rule }) => rule.effect === 'deny');",
		to: "const denying = matching.slice(0, 1).find(({ rule }) => rule.effect === 'deny');",
		specs: [rulesSpec],
		only: 'what is denied|right to have',
	},
	{
		id: 'later-deny-of-a-node-has-no-effect',
		file: rules,
		from: "const denying = matching.find(({ rule }) => rule.effect === 'deny');",
		to: "const denying = matching.slice(0, 1).find(({ rule }) => rule.effect === 'deny');",
		specs: ['spec/supervisors/node/access.test.ts'],
		only: 'a call that no rule allows',
	},
	{
		id: 'tls-without-client-authority-guards',
		file: 'transports/sockets/listen-address.ts',
		from: "if (listenerTlsClientCA === '') return { cert, key, requestCert: false };",
		to: "if (listenerTlsClientCA === '') return { cert, key, requestCert: true };",
		specs: ['spec/transports/sockets/tcp.test.ts'],
		only: 'what others can reach',
	},
	{
		id: 'tls-alone-guards',
		file: 'transports/sockets/listen-address.ts',
		from: 'token === undefined && !tls?.requestCert)',
		to: 'token === undefined && !tls)',
		specs: ['spec/transports/sockets/tcp.test.ts'],
		only: 'what others can reach',
	},
	{
		id: 'private-key-readable-by-its-group',
		file: keyring,
		from: '.mode & 0o077) !== 0',
		to: '.mode & 0o007) !== 0',
		specs: [keyringSpec],
		only: 'that others may read',
	},
	{
		id: 'private-key-readable-by-others',
		file: keyring,
		from: '.mode & 0o077) !== 0',
		to: '.mode & 0o070) !== 0',
		specs: [keyringSpec],
		only: 'that others may read',
	},
	{
		id: 'private-key-readable-by-group-and-others',
		file: keyring,
		from: '(statSync(path).mode & 0o077) !== 0',
		to: '(statSync(path).mode & 0o777) === 0o644',
		specs: [keyringSpec],
		only: 'that others may read',
	},
	{
		id: 'another-site-without-origin-is-served',
		file: 'transports/http/web-server.ts',
		from: "site === 'cross-site' ||",
		to: "(site === 'cross-site' && origin !== undefined) ||",
		specs: ['spec/transports/http/http.test.ts'],
		only: 'pages of other origins',
	},
	{
		id: 'connection-of-an-array-is-not-ended',
		file: 'transports/sockets/client-session.ts',
		from: "if (framed.type === 'array_end') return queue.endWhenIdle();",
		to: "if (framed.type === 'array_end') return undefined;",
		specs: ['spec/transports/sockets/tcp.test.ts'],
		only: 'array is answered',
	},
	{
		id: 'unproven-node-is-allowed-by-its-name',
		file: 'runtime/security/access-rules.ts',
		from: "return effect === 'deny' && nodeWords(caller.name).includes(name);",
		to: 'return nodeWords(caller.name).includes(name);',
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'unproven-node-is-not-denied',
		file: 'runtime/security/access-rules.ts',
		from: "return effect === 'deny' && nodeWords(caller.name).includes(name);",
		to: "return effect === 'deny' && name === caller.name;",
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'broken-rules-allow-everything',
		file: 'runtime/security/access-rules.ts',
		from: `rules = accessFile.parse({});
			const { detail }`,
		to: `rules = undefined;
			const { detail }`,
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'rules-that-cannot-be-applied-allow',
		file: 'runtime/security/access-rules.ts',
		from: 'return { isAllowed: false, why: `the rules cannot be applied',
		to: 'return { isAllowed: true, why: `the rules cannot be applied',
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'clients-are-opened-a-method-by-a-rule-for-all',
		file: 'runtime/security/access-rules.ts',
		from: "namesIn(rule, inForce).includes('client'));",
		to: 'namesIn(rule, inForce).length > 0);',
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'local-needs-a-rule',
		file: 'runtime/security/access-rules.ts',
		from: `if (caller.kind === 'local')
`,
		to: `if (caller.kind !== 'local')
`,
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'changed-rules-are-not-read-again',
		file: 'runtime/security/access-rules.ts',
		from: 'if (now === seen) return rules;',
		to: "if (seen !== '') return rules;",
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'group-that-is-not-declared-is-accepted',
		file: 'runtime/security/access-rules.ts',
		from: 'if (missing) throw',
		to: "if (missing === '') throw",
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'link-to-rules-that-are-gone-is-no-file',
		file: 'runtime/security/access-rules.ts',
		from: `if (lstatSync(path, { throwIfNoEntry: false })) return false;
	return above`,
		to: 'return above',
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'method-is-not-known-by-its-alias',
		file: 'runtime/security/access-rules.ts',
		from: 'word === method || wireNameOf(word) === method;',
		to: 'word === method;',
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'rules-of-a-new-node-are-for-all-to-read',
		file: 'runtime/security/access-rules.ts',
		from: 'writeAtomically(path, firstRulesText(centralNodeName), { mode: 0o600 });',
		to: 'writeAtomically(path, firstRulesText(centralNodeName), { mode: 0o644 });',
		specs: ['spec/runtime/security/access-rules.test.ts'],
	},
	{
		id: 'private-key-is-made-readable',
		file: 'runtime/security/keyring.ts',
		from: `writeAtomically(path, text, { mode: 0o600 });
	return privateKey;`,
		to: `writeAtomically(path, text, { mode: 0o644 });
	return privateKey;`,
		specs: ['spec/runtime/security/keyring.test.ts'],
	},
	{
		id: 'owner-with-a-broken-key-need-not-sign',
		file: 'runtime/security/keyring.ts',
		from: 'knows: (owner) => isSelf(owner) || ledger[owner.kind].read().has(owner.name),',
		to: 'knows: (owner) => isSelf(owner) || keysOf(owner).length > 0,',
		specs: ['spec/runtime/security/keyring.test.ts'],
	},
	{
		id: 'broken-line-costs-the-other-keys',
		file: 'runtime/security/keyring.ts',
		from: "attempt(`${path}:${at + 1}`, () => keys.push(readKey(text, 'this line')));",
		to: "keys.push(readKey(text, 'this line'));",
		specs: ['spec/runtime/security/keyring.test.ts'],
	},
	{
		id: 'revoked-key-is-offered-again',
		file: 'runtime/security/keyring.ts',
		from: "if (kind === 'node' && revoked.length > 0) {",
		to: "if (kind === 'client' && revoked.length > 0) {",
		specs: ['spec/runtime/security/keyring.test.ts', 'spec/runtime/security/pending-keys.test.ts'],
	},
	{
		id: 'revocation-of-one-key-takes-all',
		file: 'runtime/security/keyring.ts',
		from: 'key === undefined ? [] : known.filter((each) => each !== key);',
		to: 'key === undefined ? known : [];',
		specs: ['spec/runtime/security/keyring.test.ts'],
	},
	{
		id: 'revoked-key-is-trusted-until-the-next-look',
		file: 'runtime/security/keyring.ts',
		from: `if (texts.length !== known.length) write(name, texts);
			});
			readAnew();`,
		to: `if (texts.length !== known.length) write(name, texts);
			});`,
		specs: ['spec/runtime/security/keyring.test.ts'],
	},
	{
		id: 'number-is-admitted-twice',
		file: 'runtime/security/replay-guard.ts',
		from: 'if (bit === 0 || (window.seen & bit) !== 0) return undefined;',
		to: 'if (bit === 0) return undefined;',
		specs: [
			'spec/runtime/security/replay-guard.test.ts',
			'spec/runtime/security/replay-window.test.ts',
		],
	},
	{
		id: 'number-of-an-earlier-start-is-admitted',
		file: 'runtime/security/replay-guard.ts',
		from: 'if (epoch < window.epoch) return undefined;',
		to: '',
		specs: [
			'spec/runtime/security/replay-guard.test.ts',
			'spec/runtime/security/replay-window.test.ts',
		],
	},
	{
		id: 'number-far-behind-is-admitted',
		file: 'runtime/security/replay-guard.ts',
		from: 'const bit = -ahead < width ? 1 << -ahead : 0;',
		to: 'const bit = 1 << -ahead;',
		specs: [
			'spec/runtime/security/replay-guard.test.ts',
			'spec/runtime/security/replay-window.test.ts',
		],
	},
	{
		id: 'window-forgets-what-is-just-behind',
		file: 'runtime/security/replay-guard.ts',
		from: '((window.seen << ahead) | 1) & 0x7fffffff;',
		to: '1;',
		specs: [
			'spec/runtime/security/replay-guard.test.ts',
			'spec/runtime/security/replay-window.test.ts',
		],
	},
	{
		id: 'store-is-taken-over-by-the-next-node',
		file: 'runtime/security/replay-guard.ts',
		from: 'return owner === node ? [] : undefined;',
		to: 'return owner === node ? [] : write(key, node);',
		specs: [
			'spec/runtime/security/replay-guard.test.ts',
			'spec/runtime/security/replay-window.test.ts',
		],
	},
	{
		id: 'birth-of-a-former-store-comes-again',
		file: 'runtime/security/replay-guard.ts',
		from: 'return epoch <= (before.former[storeId] ?? -1);',
		to: 'return epoch < (before.former[storeId] ?? -1);',
		specs: [
			'spec/runtime/security/replay-guard.test.ts',
			'spec/runtime/security/replay-window.test.ts',
		],
	},
	{
		id: 'death-before-the-last-birth-comes-again',
		file: 'runtime/security/replay-guard.ts',
		from: '(epoch === before.epoch && count < before.count);',
		to: '(epoch === before.epoch && count < before.count - 1);',
		specs: [
			'spec/runtime/security/replay-guard.test.ts',
			'spec/runtime/security/replay-window.test.ts',
		],
	},
	{
		id: 'principal-behind-a-sender-is-forgotten',
		file: 'runtime/security/authority.ts',
		from: 'return principal === undefined ? askedBy : withPrincipal(askedBy, principal);',
		to: 'return principal === undefined ? noPrincipals : withPrincipal(noPrincipals, principal);',
		specs: ['spec/runtime/security/authority.test.ts'],
	},
	{
		id: 'one-principal-that-may-is-enough',
		file: 'runtime/security/authority.ts',
		from: `if (why !== undefined) return why;
		}
		return undefined;
	};
	const of`,
		to: `if (why === undefined) return why;
		}
		return undefined;
	};
	const of`,
		specs: ['spec/runtime/security/authority.test.ts'],
	},
	{
		id: 'keys-are-handed-out-for-others-behind-central',
		file: 'runtime/security/authority.ts',
		from: 'if (principals.every(isMeant)) return undefined;',
		to: 'if (principals.some(isMeant)) return undefined;',
		specs: ['spec/runtime/security/authority.test.ts'],
	},
	{
		id: 'central-hands-out-keys-without-a-signature',
		file: 'runtime/security/authority.ts',
		from: "(each === `node:${central}` && signing !== 'off');",
		to: 'each === `node:${central}`;',
		specs: ['spec/runtime/security/authority.test.ts'],
	},
	{
		id: 'call-back-through-others-is-not-asked-about',
		file: 'runtime/security/authority.ts',
		from: 'if (sent !== undefined) return `what it sends on: ${sent}`;',
		to: '',
		specs: ['spec/runtime/security/authority.test.ts'],
	},
	{
		id: 'reply-is-not-asked-about',
		file: 'runtime/security/authority.ts',
		from: 'return answered === undefined ? undefined : `its reply: ${answered}`;',
		to: "return answered === '' ? answered : undefined;",
		specs: ['spec/runtime/security/authority.test.ts'],
	},
	{
		id: 'outcome-topic-is-not-asked-about',
		file: 'runtime/security/authority.ts',
		from: 'if (told !== undefined) return `its outcome:',
		to: "if (told === '') return `its outcome:",
		specs: ['spec/runtime/security/authority.test.ts'],
	},
	{
		id: 'signature-of-another-topic-counts',
		file: 'runtime/security/client-signature.ts',
		from: "const parts = ['reeve public 1', topic, by,",
		to: "const parts = ['reeve public 1', topic.slice(0, 1), by,",
		specs: ['spec/runtime/security/client-signature.test.ts'],
	},
	{
		id: 'response-topic-is-not-signed',
		file: 'runtime/security/client-signature.ts',
		from: 'by, count, responseTopic, correlation, hashOf(body)];',
		to: `by, count, correlation, hashOf(body)];
	void responseTopic;`,
		specs: ['spec/runtime/security/client-signature.test.ts'],
	},
	{
		id: 'unknown-client-is-told-of-a-bad-signature',
		file: 'runtime/security/client-signature.ts',
		from: "if (!authorization.keyring.knows(owner)) throw new ReeveError('unknown_key', by);",
		to: '',
		specs: ['spec/runtime/security/client-signature.test.ts'],
	},
	{
		id: 'two-signatures-are-taken',
		file: 'runtime/security/client-signature.ts',
		from: 'if (beside) throw new ReeveError(',
		to: "if (beside?.by === '') throw new ReeveError(",
		specs: ['spec/runtime/security/client-signature.test.ts'],
	},
	{
		id: 'signed-message-needs-no-id',
		file: 'runtime/security/client-signature.ts',
		from: "if ('id' in message) return;",
		to: "if ('id' in message || message) return;",
		specs: ['spec/runtime/security/client-signature.test.ts'],
	},
	{
		id: 'unsigned-frame-of-a-known-node-is-believed',
		file: 'runtime/security/signing.ts',
		from: "if (isKnown || signing === 'required') throw new ReeveError('unsigned', from);",
		to: "if (signing === 'required') throw new ReeveError('unsigned', from);",
		specs: ['spec/runtime/security/signing.test.ts'],
	},
	{
		id: 'unknown-key-is-believed-where-signatures-are-required',
		file: 'runtime/security/signing.ts',
		from: "if (signing === 'required') throw new ReeveError('unknown_key', from);",
		to: '',
		specs: ['spec/runtime/security/signing.test.ts'],
	},
	{
		id: 'bad-signature-counts-as-none',
		file: 'runtime/security/signing.ts',
		from: "if (isKnown) throw new ReeveError('bad_signature', from);",
		to: '',
		specs: ['spec/runtime/security/signing.test.ts'],
	},
	{
		id: 'frame-signature-is-not-of-its-number',
		file: 'runtime/security/signing.ts',
		from: 'reeve frame 1\\0${topic}\\0${count}\\0${digest}',
		to: 'reeve frame 1\\0${topic}\\0${count > 0}\\0${digest}',
		specs: ['spec/runtime/security/signing.test.ts'],
	},
];
