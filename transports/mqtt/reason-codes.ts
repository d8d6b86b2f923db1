/**
 * The reason codes of MQTT brokers that reeve distinguishes.
 *
 * @module
 */

/** No subscription matches what was published; MQTT 5.0, section 2.4. */
export const noMatchingSubscribers = 0x10;
/** Reasons that have nothing to do with what a client has published; section 3.14.2.1. */
const unrelated: ReadonlySet<number> = new Set([
	0x8b, // the server shuts down
	0x8d, // keep alive timeout
	0x8e, // session taken over
	0x98, // administrative action
	0x9c, // use another server
	0x9d, // server moved
	0xa0, // maximum connect time
]);
const unsupportedVersion = 0x84;
const packetTooLarge = 0x95;
/** The answer of a 3.1.1 broker to a protocol version that it does not support; 3.2.2.3. */
const refusedVersion = 1;

/** Whether a connection was refused because of its protocol version. */
export function isAboutVersion(error: Error): boolean {
	const code = codeOf(error);
	return code === refusedVersion || code === unsupportedVersion;
}

/** Whether a publication was refused because of its size. */
export function isTooLarge(error: unknown): boolean {
	return codeOf(error) === packetTooLarge;
}

/** Codes of the system that say that the network is at fault, not the other end. */
const networkFaults: ReadonlySet<unknown> = new Set([
	'ETIMEDOUT',
	'EHOSTUNREACH',
	'ENETUNREACH',
	'ENETDOWN',
]);

/** Whether the broker may have ended a connection because of what was published. */
export function isHangUp(reasonCode: number | undefined, error: Error | undefined): boolean {
	if (reasonCode !== undefined) return !unrelated.has(reasonCode);
	return !networkFaults.has(codeOf(error)) && !/keepalive/i.test(error?.message ?? '');
}

function codeOf(error: unknown): unknown {
	return typeof error === 'object' && error && 'code' in error ? error.code : undefined;
}
