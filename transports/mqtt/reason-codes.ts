/**
 * The reason codes of MQTT brokers that reeve distinguishes.
 *
 * @module
 */

/** No subscription matches what was published; MQTT 5.0, section 2.4. */
export const noMatchingSubscribers = 0x10;
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

function codeOf(error: unknown): unknown {
	return typeof error === 'object' && error && 'code' in error ? error.code : undefined;
}
