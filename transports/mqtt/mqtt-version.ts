/**
 * Chooses the version of MQTT for a connection: 5.0, or 3.1.1 where the broker does not speak 5.0.
 *
 * Most brokers refuse version 5.0 with an error. Some just close the connection, such as RabbitMQ
 * before 3.13; so does a proxy in front of a broker that is down. After such a close the versions
 * are tried in turn, and a version found in this way is dropped with the connection: the next
 * attempt begins with 5.0 again.
 *
 * @module
 */
import type { Config } from '../../runtime/config/config.ts';
import { isAboutVersion } from './reason-codes.ts';

/** MQTT's numbers for 3.1.1 and 5.0. */
export type MqttVersion = 4 | 5;

/** The choice that {@link createVersionChoice} makes. */
export interface VersionChoice {
	readonly current: MqttVersion;
	/**
	 * The broker has refused with an error; true if that is about the version, and another is left.
	 */
	refused(error: Error): boolean;
	/** The broker has closed the connection without an error. */
	hungUp(): void;
	/** A connection that the broker had accepted is lost. */
	lost(): void;
}

/** Creates the choice for one connection. */
export function createVersionChoice({ mqttVersion }: Pick<Config, 'mqttVersion'>): VersionChoice {
	let current: MqttVersion = mqttVersion === '3.1.1' ? 4 : 5;
	let isSure = mqttVersion !== 'auto';
	return {
		get current() {
			return current;
		},
		refused(error) {
			if (isSure || current === 4 || !isAboutVersion(error)) return false;
			current = 4;
			isSure = true;
			return true;
		},
		hungUp() {
			if (!isSure) current = current === 5 ? 4 : 5;
		},
		lost() {
			if (!isSure) current = 5;
		},
	};
}
