/**
 * Flags of steward that mean nothing to reeve, because they are about NATS or about what reeve does
 * without being told. They are taken, so that a steward user's command lines and files go on
 * working, and answered with what stands in their place.
 *
 * @module
 */

/** What stands in the place of a flag, as the end of a sentence. */
const counterparts: Readonly<Record<string, string>> = {
	natsConnectRetryInterval:
		'a broker that is away is waited for by itself, with pauses from resendMsMin to resendMsMax',
	natsConnOptTimeout: 'a connection to the MQTT broker is given 10 seconds',
	natsReconnectJitter: 'pauses before MQTT is connected again vary by themselves, see resendMsMin',
	natsReconnectJitterTLS: 'pauses before MQTT is connected again vary by themselves',
	nkeySeedFile:
		'MQTT brokers know users and certificates: see brokerUser, brokerPasswordFile and ' +
		'brokerCertPath; and nodes sign what they send: see signing, and reeve keys',
	nkeyFromED25519SSHKeyFile: 'nodes have Ed25519 keys of their own: see signing, and reeve keys',
	ringBufferPersistStore: 'every message is on disk before its id is answered, see durability',
	ringBufferSize: 'what waits is on disk: see outboxMessagesMax',
	serialization: 'frames are MessagePack',
	compression: 'frames are not compressed',
	enableSignatureCheck: 'see signing: required',
	enableAclCheck: 'access rules are in force as soon as there are any: see reeve acl',
};

/** The flags of steward that are taken and not used. */
export const unusedStewardFlags: readonly string[] = Object.keys(counterparts);

/** Whether it is one of them. */
export function isUnusedStewardFlag(key: string): boolean {
	return Object.hasOwn(counterparts, key);
}

/** What to tell somebody who used one, at this place. */
export function stewardRemark(key: string, place: string): string {
	return `${place}: ${key} is steward's and has no effect here: ${counterparts[key] ?? ''}`;
}

/** NATS listens on 4222, and whoever moves over may have left the port as it was. */
export function portRemark(brokerAddress: string): string | undefined {
	if (!brokerAddress.endsWith(':4222')) return undefined;
	const advice = "4222 is where NATS speaks its own protocol; MQTT's port is 1883";
	return `brokerAddress ${brokerAddress}: ${advice}`;
}
