/**
 * The address of a broker, as people write it.
 *
 * @module
 */
import { ReeveError } from '../runtime/errors.ts';

/**
 * `host:port`, as steward has it, or a URL, as mqtt.js understands it.
 *
 * @throws ReeveError `bad_config`
 */
export function brokerUrl(address: string): string {
	const url = /^[a-z]+:\/\//.test(address) ? address : `mqtt://${address}`;
	const isKnown = /^(?:mqtts?|tcp|ssl|tls|wss?):\/\/./.test(url);
	if (isKnown && URL.canParse(url)) return url;
	throw new ReeveError('bad_config', `brokerAddress ${hideSecrets(address)}: no broker's address`);
}

/** An address without the name and password in it; for people and logs. */
export function hideSecrets(address: string): string {
	return address.replace(/(^|\/\/)[^@/]*@/, '$1');
}
