/**
 * Flags of steward that have no effect in reeve, because they concern NATS or what reeve always
 * does. They are accepted, so that command lines and files of steward still work, and answered with
 * what replaces them.
 *
 * @module
 */

/** What replaces a flag, as the end of a sentence. */
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

/** The flags of steward that are accepted and not used. */
export const unusedStewardFlags: readonly string[] = Object.keys(counterparts);

/** Whether it is one of them. */
export function isUnusedStewardFlag(key: string): boolean {
	return Object.hasOwn(counterparts, key);
}

/** The notice for a flag that was found at this place. */
export function stewardRemark(key: string, place: string): string {
	return `${place}: ${key} is steward's and has no effect here: ${counterparts[key] ?? ''}`;
}

/** The port of NATS, which an address taken over from steward may still have. */
export function portRemark(brokerAddress: string): string | undefined {
	if (!brokerAddress.endsWith(':4222')) return undefined;
	const advice = "4222 is where NATS speaks its own protocol; MQTT's port is 1883";
	return `brokerAddress ${brokerAddress}: ${advice}`;
}
