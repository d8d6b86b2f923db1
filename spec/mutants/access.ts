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
		specs: ['spec/supervisors/node/access.test.ts', rulesSpec],
	},
	{
		id: 'tls-without-client-authority-guards',
		file: 'transports/sockets/listen-address.ts',
		from: "if (listenerTlsClientCA === '') return { cert, key, requestCert: false };",
		to: "if (listenerTlsClientCA === '') return { cert, key, requestCert: true };",
		specs: ['spec/transports/sockets/tcp.test.ts'],
	},
	{
		id: 'tls-alone-guards',
		file: 'transports/sockets/listen-address.ts',
		from: 'token === undefined && !tls?.requestCert)',
		to: 'token === undefined && !tls)',
		specs: ['spec/transports/sockets/tcp.test.ts'],
	},
	{
		id: 'private-key-readable-by-its-group',
		file: keyring,
		from: '.mode & 0o077) !== 0',
		to: '.mode & 0o007) !== 0',
		specs: [keyringSpec],
	},
	{
		id: 'private-key-readable-by-others',
		file: keyring,
		from: '.mode & 0o077) !== 0',
		to: '.mode & 0o070) !== 0',
		specs: [keyringSpec],
	},
	{
		id: 'private-key-readable-by-group-and-others',
		file: keyring,
		from: '(statSync(path).mode & 0o077) !== 0',
		to: '(statSync(path).mode & 0o777) === 0o644',
		specs: [keyringSpec],
	},
	{
		id: 'another-site-without-origin-is-served',
		file: 'transports/http/web-server.ts',
		from: "site === 'cross-site' ||",
		to: "(site === 'cross-site' && origin !== undefined) ||",
		specs: ['spec/transports/http/http.test.ts'],
	},
	{
		id: 'connection-of-an-array-is-not-ended',
		file: 'transports/sockets/client-session.ts',
		from: "if (framed.type === 'array_end') return queue.endWhenIdle();",
		to: "if (framed.type === 'array_end') return undefined;",
		specs: ['spec/transports/sockets/tcp.test.ts'],
	},
];
