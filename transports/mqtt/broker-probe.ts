/**
 * The probe of a broker: one MQTT connection that is closed as soon as the broker has answered. It
 * has a client id of its own, so that it takes no node's place.
 *
 * @module
 */
import { createConnection } from 'node:net';
import type { Config } from '../../runtime/config/config.ts';
import type { Clock } from '../../runtime/platform/clock.ts';
import { reasonOf } from '../../runtime/platform/errors.ts';
import { brokerUrl, readLogin } from './broker-login.ts';
import { probeIdHead } from './broker-permissions.ts';
import { connectOnce } from './mqtt-connection.ts';

/** What the broker did. */
export interface BrokerFinding {
	/** Its host and port. */
	readonly at: string;
	/** Whether it accepts connections. */
	readonly isReached: boolean;
	/** Why it is not taken for a broker that answers; undefined if it is. */
	readonly why?: string;
}

const ports: Readonly<Record<string, number>> = {
	'mqtts:': 8883,
	'ssl:': 8883,
	'tls:': 8883,
	'ws:': 80,
	'wss:': 443,
};

/**
 * Asks the broker of the configuration, at most `checkupMs` for the connection and as long again
 * for its answer. A broker that refuses the login has answered.
 *
 * @throws ReeveError `bad_config`
 */
export async function probeBroker(config: Config, clock: Clock): Promise<BrokerFinding> {
	const address = brokerUrl(config.brokerAddress, config.rootCAPath !== '');
	const { protocol, hostname, port } = new URL(address);
	const place = {
		host: hostname.replaceAll(/[[\]]/g, ''),
		port: Number(port || (ports[protocol] ?? 1883)),
	};
	const at = `${hostname}:${place.port}`;
	const unreached = await reach(place, config, clock);
	if (unreached !== undefined) return { at, isReached: false, why: unreached };
	const why = await askBroker(address, config, clock);
	return { at, isReached: true, ...(why === undefined ? {} : { why }) };
}

/** Connects by TCP; the reason if that fails. */
function reach(
	place: { readonly host: string; readonly port: number },
	{ connectAttemptMs, checkupMs }: Config,
	clock: Clock,
): Promise<string | undefined> {
	return new Promise((done) => {
		const autoSelectFamilyAttemptTimeout = Math.min(connectAttemptMs, checkupMs);
		const socket = createConnection({ ...place, autoSelectFamilyAttemptTimeout });
		const finish = (reason?: string): void => {
			timer.cancel();
			socket.destroy();
			done(reason);
		};
		const timer = clock.after(checkupMs, () => finish(`no connection in ${checkupMs} ms`));
		socket.once('connect', () => finish());
		socket.once('error', (error) => finish(reasonOf(error)));
	});
}

/** Connects by MQTT; the reason if no answer comes. */
function askBroker(address: string, config: Config, clock: Clock): Promise<string | undefined> {
	const { checkupMs, mqttVersion } = config;
	const client = connectOnce(address, {
		...readLogin(config),
		clientId: `${probeIdHead}${clock.random().toString(36).slice(2, 10)}`,
		// Each broker answers 3.1.1, be it by a refusal; some close a connection of 5.0.
		protocolVersion: mqttVersion === '5' ? 5 : 4,
		clean: true,
		// The timer below comes first, and says what it is.
		connectTimeout: checkupMs * 2,
	});
	return new Promise((done) => {
		let failure: string | undefined;
		const finish = (reason?: string): void => {
			timer.cancel();
			client.end(true);
			done(reason);
		};
		const note = (error: Error): void => {
			failure ??= reasonOf(error);
		};
		const timer = clock.after(checkupMs, () =>
			finish(`it accepts connections, but does not answer MQTT in ${checkupMs} ms`),
		);
		client.once('packetreceive', () => finish());
		client.on('error', note);
		client.stream.on('error', note);
		client.once('close', () => finish(failure ?? 'it closes connections without an answer'));
	});
}
