/**
 * Certificates for specs: a root, and a server and a client that it vouches for.
 *
 * @module
 */
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { temporaryFolder, type TestScope } from './temporary.ts';

/** The files of one root, one server (127.0.0.1 and localhost) and one client. */
export interface Certificates {
	readonly root: string;
	readonly server: { readonly cert: string; readonly key: string };
	readonly client: { readonly cert: string; readonly key: string };
	/** What a TLS client is given to be let in. */
	readonly asClient: { readonly ca: Buffer; readonly cert: Buffer; readonly key: Buffer };
}

/** Makes them with openssl. */
export function createCertificates(t: TestScope): Certificates {
	const folder = temporaryFolder(t);
	const at = (name: string) => join(folder, name);
	const openssl = (...words: string[]) => execFileSync('openssl', words, { stdio: 'pipe' });
	const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
	const root = at('root.pem');
	openssl(
		'req',
		'-x509',
		...newKey,
		'-days',
		'2',
		'-subj',
		'/CN=root',
		'-keyout',
		at('root.key'),
		'-out',
		root,
	);
	writeFileSync(at('names'), 'subjectAltName=IP:127.0.0.1,DNS:localhost');
	const vouched = (name: string) => {
		const [cert, key, request] = [at(`${name}.pem`), at(`${name}.key`), at(`${name}.csr`)];
		openssl('req', ...newKey, '-subj', `/CN=${name}`, '-keyout', key, '-out', request);
		openssl(
			'x509',
			'-req',
			'-in',
			request,
			'-CA',
			root,
			'-CAkey',
			at('root.key'),
			'-CAcreateserial',
			'-days',
			'2',
			'-extfile',
			at('names'),
			'-out',
			cert,
		);
		return { cert, key };
	};
	const server = vouched('server');
	const client = vouched('client');
	const asClient = {
		ca: readFileSync(root),
		cert: readFileSync(client.cert),
		key: readFileSync(client.key),
	};
	return { root, server, client, asClient };
}
