/**
 * The invitation of a new node: what its first configuration must say, so that it finds the broker
 * and knows the key of central. It holds the password of the broker, which the first start of the
 * new node moves into a file of its own.
 *
 * @module
 */
import type { Config } from '../../../runtime/config/config.ts';
import { readLogin } from '../../mqtt/broker-login.ts';
import { readListenAddress } from '../../sockets/listen-address.ts';

/**
 * The values of the first configuration of a node that reaches this machine as `host`.
 *
 * @throws ReeveError `bad_config`
 */
export function invitation(
	host: string,
	{ config, key }: { readonly config: Config; readonly key: string },
): Partial<Config> {
	const { brokerAddress, brokerListen, centralNodeName, topicPrefix, nodeName, signing } = config;
	const { username: brokerUser = '', password: brokerPassword = '' } = readLogin(config);
	const { port } = readListenAddress('brokerListen', brokerListen);
	return {
		brokerAddress: brokerAddress === '' ? `mqtt://${host}:${port}` : brokerAddress,
		...(brokerUser === '' ? {} : { brokerUser, brokerPassword }),
		centralNodeName,
		...(nodeName === centralNodeName ? { centralKey: key } : {}),
		signing: signing === 'off' ? 'on' : signing,
		topicPrefix,
	};
}

/** What else has to be done, so that the invitation helps. */
export function invitationRemarks(config: Config): readonly string[] {
	const { brokerAddress, brokerListen, nodeName, centralNodeName, signing } = config;
	const remarks = ['it holds the password of the broker: only the new node may read it'];
	const isLocal = readListenAddress('brokerListen', brokerListen).isLoopback;
	if (brokerAddress === '' && isLocal) {
		remarks.push(`other machines do not reach ${brokerListen}: start with --brokerListen :1883`);
	}
	if (nodeName !== centralNodeName) remarks.push(`the key of ${centralNodeName} is not in it`);
	if (signing === 'off') remarks.push('signing is off here: set it to on, or keys mean nothing');
	return remarks;
}
