/**
 * Which version of MQTT a line speaks: 5.0, and 3.1.1 where the broker does not speak that.
 *
 * Most brokers say so. Some just hang up, such as RabbitMQ before 3.13; so does whatever stands in
 * front of a broker that is away. After a silence of this kind the versions are tried in turn, and
 * a version that was only found so is given up with the connection: the next one begins with 5.0
 * again.
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
	 * The broker has refused with an error; true if it is about the version, and another one is left.
	 */
	refused(error: Error): boolean;
	/** The broker has hung up without a word. */
	hungUp(): void;
	/** A connection that the broker had let in is lost. */
	lost(): void;
}

/** Creates the choice for one line. */
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
