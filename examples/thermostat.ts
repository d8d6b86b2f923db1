/**
 * The story of the thermostat, which is declared in `actors/thermostat.yaml`: two rooms, whose
 * sensors and heaters are MQTT clients like any other and know nothing of reeve.
 *
 * ```sh
 * node --import tsx examples/thermostat.ts
 * ```
 *
 * @module
 */
import { playIfMain, type StoryNodes, type Story } from './story.ts';

interface Room {
	readonly room: string;
	readonly target: number;
	readonly celsius: number | null;
	readonly alerts: number;
}

const roomAt = (key: string) => ({ node: 'ship1', actor: 'thermostat', key });

let readings = 0;

/**
 * Publishes a reading. It has an id, so that a second delivery by the broker has no effect.
 */
function measure({ publish }: StoryNodes, key: string, celsius: number): Promise<void> {
	readings += 1;
	const methodArgs = ['READING', JSON.stringify({ celsius })];
	const message = { id: `reading-${readings}`, key, methodArgs };
	return publish('reeve/ship1/thermostat/EventACK', JSON.stringify(message));
}

/**
 * Publishes the same reading until the heater of the room gets what follows from it.
 */
async function measureUntil(nodes: StoryNodes, key: string, reading: Reading): Promise<void> {
	const { celsius, heater } = reading;
	const topic = `home/${key}/heater`;
	while (nodes.overheard(topic).at(-1) !== heater) {
		await measure(nodes, key, celsius);
		await nodes.until<Room>(roomAt(key), (room) => room.celsius === celsius);
	}
	nodes.say(`${key}: ${celsius} °C, and the heater is ${heater}`);
}

interface Reading {
	readonly celsius: number;
	readonly heater: 'on' | 'off';
}

/** The kitchen is heated in vain for a while, and the sensor of the bath falls silent. */
export const story: Story = {
	nodes: ['ship1'],
	async play(nodes) {
		const { say, tell, alerts, alerted } = nodes;
		const [kitchen, bath] = [roomAt('kitchen'), roomAt('bath')];
		const never = 100_000;
		await tell(kitchen, { type: 'PATIENCE', cold: 1, silence: never });
		await tell(bath, { type: 'PATIENCE', cold: never, silence: 1 });

		await measureUntil(nodes, 'kitchen', { celsius: 17.5, heater: 'on' });
		await alerted(1);
		say(`People are told: ${alerts().join('; ')}`);
		// From here on a node that is down for a while must make no difference.
		await tell(kitchen, { type: 'PATIENCE', cold: never, silence: never });
		await measureUntil(nodes, 'kitchen', { celsius: 22, heater: 'off' });
		await tell(kitchen, { type: 'TARGET', celsius: 23 });
		say('The kitchen is to have 23 °C now');
		await measureUntil(nodes, 'kitchen', { celsius: 22.4, heater: 'on' });
		await measureUntil(nodes, 'kitchen', { celsius: 23.6, heater: 'off' });

		await measure(nodes, 'bath', 24);
		say('The sensor of the bath tells of 24 °C, and then falls silent');
		await alerted(2);
		say(`People are told: ${alerts().at(-1)}`);
		const brief = ({ target, celsius, alerts: told }: Room) => ({ target, celsius, alerts: told });
		return {
			kitchen: brief(await tell<Room>(kitchen, { type: 'TELL' })),
			bath: brief(await tell<Room>(bath, { type: 'TELL' })),
			alerts: alerts(),
		};
	},
};

await playIfMain(import.meta.url, story);
