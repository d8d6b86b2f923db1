/**
 * The permission file of Mosquitto for a fleet: which node may publish and subscribe to what.
 *
 * @module
 */
import { formatTopic } from '../../../runtime/message/topics.ts';

/** The fleet that the file is for. */
export interface Fleet {
	readonly prefix: string;
	readonly central: string;
	/** All nodes, central included or not. */
	readonly nodes: readonly string[];
}

/**
 * The file. Each node logs in as a user of its own name, with a password or a certificate, and may
 * do what it needs: subscribe to its own topics, publish frames and acknowledgements to central,
 * and publish its own birth. Central may publish to all. So a node can neither command another one
 * nor publish in its name. (With `signing`, the nodes themselves check that, too.)
 */
export function mosquittoAcl({ prefix, central, nodes }: Fleet): string {
	const all = [...new Set([central, ...nodes])];
	const head =
		'# acl_file of Mosquitto, made by: reeve install broker-acl mosquitto --print\n' +
		'# In mosquitto.conf: allow_anonymous false, password_file (or certificates with\n' +
		'# use_identity_as_username true), and acl_file with the path of this file.\n' +
		'# Outcomes for MQTT clients are published on their reply topics: allow those, too.\n';
	const sections = all.map((node) => {
		const reach = node === central ? all.filter((each) => each !== central) : [central];
		return `\n${sectionOf(node, reach, prefix)}`;
	});
	return head + sections.join('');
}

function sectionOf(node: string, reach: readonly string[], prefix: string): string {
	const own = (part: 'ack' | 'status' | 'claim', of = node) =>
		formatTopic(prefix, { part, node: of });
	const root = (of: string) => (prefix === '' ? of : `${prefix}/${of}`);
	const lines = [
		`user ${node}`,
		'# its own topics: frames, acknowledgements, public messages, claims of its name',
		`topic read ${root(node)}/_lane/+/+`,
		`topic read ${own('ack')}`,
		`topic read ${root(node)}/+/+`,
		`topic readwrite ${own('claim')}`,
		'# the presence of nodes',
		`topic read ${root('+')}/_status`,
		`topic write ${own('status')}`,
		'# the nodes that it works with',
		...reach.flatMap((other) => [
			`topic write ${root(other)}/_lane/+/+`,
			`topic write ${own('ack', other)}`,
		]),
	];
	return `${lines.join('\n')}\n`;
}
