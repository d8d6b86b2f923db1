/**
 * The address of a broker, as people write it.
 *
 * @module
 */
import { ReeveError } from '../../runtime/platform/errors.ts';

/**
 * `host:port`, as steward has it, or a URL, as mqtt.js understands it. Where the URL does not say,
 * a node that has a root CA to verify its broker with speaks TLS.
 *
 * @throws ReeveError `bad_config`
 */
export function brokerUrl(address: string, isSecure = false): string {
	const scheme = isSecure ? 'mqtts' : 'mqtt';
	const url = /^[a-z]+:\/\//.test(address) ? address : `${scheme}://${address}`;
	const isKnown = /^(?:mqtts?|tcp|ssl|tls|wss?):\/\/./.test(url);
	if (isKnown && URL.canParse(url)) return url;
	throw new ReeveError('bad_config', `brokerAddress ${hideSecrets(address)}: no broker's address`);
}

/** An address without the name and password in it; for people and logs. */
export function hideSecrets(address: string): string {
	return address.replace(/(^|\/\/)[^@/]*@/, '$1');
}
