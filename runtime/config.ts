/**
 * What can be configured: one schema, with the meaning, default and limit of each value. Steward's
 * flags keep steward's names. Every queue, retry, payload and history of reeve has its limit here.
 *
 * @module
 */
import { z } from 'zod';
import { isName } from './address.ts';

const seconds = z.coerce.number().int().min(0).max(31_536_000);
const count = z.coerce.number().int().min(1);
const bytes = z.coerce.number().int().min(64);
const milliseconds = z.coerce.number().int().min(1).max(86_400_000);
const folder = z.string().min(1);
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);
const name = z.string().refine(isName, 'not a node name');

/** The schema. A key is a flag (`--nodeName`, `--node-name`), a variable, and a line of the file. */
export const configSchema = z.strictObject({
	nodeName: name.default('central').describe('The name of this node; unique in the fleet'),
	centralNodeName: name.default('central').describe('The node that errors and replies go to'),
	socketFolder: folder.default('./tmp').describe('Where the unix socket lives'),
	databaseFolder: folder.default('./var/lib').describe('Where the journal lives'),
	subscribersDataFolder: folder.default('./data').describe('Where methods write their files'),
	methodsFolder: z.string().default('').describe('A folder of method files of your own'),
	brokerAddress: z
		.string()
		.default('')
		.describe('The MQTT broker, such as mqtt://10.0.0.1:1883; empty: start one in this node'),
	brokerListen: z
		.string()
		.default('127.0.0.1:1883')
		.describe('Where the broker in this node listens'),
	topicPrefix: z
		.string()
		.regex(/^[^+#\0]*$/, 'no + and no #')
		.default('reeve')
		.describe('The first part of every topic; may be empty'),
	mqttVersion: z
		.enum(['auto', '5', '3.1.1'])
		.default('auto')
		.describe('auto: 5.0, and 3.1.1 where the broker does not speak it'),
	defaultMessageTimeout: seconds.min(1).default(10).describe('ACKTimeout, unless the message says'),
	defaultMessageRetries: seconds
		.default(0)
		.describe('retries, unless the message says; 0: until its ttl'),
	defaultMessageTtl: seconds
		.min(1)
		.max(2_592_000)
		.default(604_800)
		.describe('Seconds until an unaccepted message expires'),
	defaultMethodTimeout: seconds
		.min(1)
		.default(10)
		.describe('methodTimeout, unless the message says'),
	errorMessageTimeout: seconds.min(1).default(60).describe('ACKTimeout of error messages'),
	errorMessageRetries: seconds.default(10).describe('retries of error messages'),
	startPubREQHello: seconds.default(30).describe('Seconds between hello messages; 0: none'),
	startSubREQErrorLog: flag.default(true).describe('Collect the errors of other nodes'),
	startSubREQHello: flag.default(true).describe('Take hello messages'),
	startSubREQToFileAppend: flag.default(true).describe('Let messages append to files'),
	startSubREQToFile: flag.default(true).describe('Let messages write files'),
	startSubREQPing: flag.default(true).describe('Answer pings'),
	startSubREQPong: flag.default(true).describe('Take the answers to pings'),
	startSubREQCliCommand: flag.default(true).describe('Let messages run commands'),
	startSubREQToConsole: flag.default(true).describe('Let messages print on the console'),
	durability: z
		.enum(['disk', 'os'])
		.default('disk')
		.describe('disk: survives power loss; os: survives a crash of the process only'),
	logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
	messageBytesMax: bytes.default(4_194_304).describe('The largest message that is taken'),
	outputBytesMax: bytes.default(1_048_576).describe('The most output that a reply carries'),
	outputKeptBytesMax: bytes.default(65_536).describe('The most output kept in the books'),
	mailboxMessagesMax: count.default(100_000).describe('Messages waiting for one method here'),
	outboxMessagesMax: count.default(1_000_000).describe('Messages waiting to leave'),
	settledKeptMax: count.default(10_000).describe('Settled messages kept for lists and audits'),
	windowMessagesMax: count.default(256).describe('Messages under way in one lane'),
	frameBytesMax: bytes.default(1_048_576).describe('The most bytes in one PUBLISH, if it can be'),
	callsMax: count.default(16).describe('Messages that one concurrent method runs at a time'),
	attemptsMax: count.default(5).describe('Starts of one message before it is dead'),
	resendMsMin: milliseconds.default(1000).describe('First pause before a resend'),
	resendMsMax: milliseconds.default(60_000).describe('Longest pause before a resend'),
	stopTimeout: seconds.default(5).describe('Seconds that running methods get at a stop'),
	signalsKeptMax: count.default(1000).describe('Signals kept in memory'),
	errorReportsPerMinuteMax: count.default(60).describe('Errors reported to central in a minute'),
	clientsMax: count.default(256).describe('Clients on the unix socket at a time'),
	answersWaitingMax: count
		.default(1000)
		.describe('Answers that one client on the socket may leave unread'),
	messageDepthMax: count.max(1000).default(64).describe('How deep the JSON of a message may nest'),
});

/** The configuration of a node, complete. */
export type Config = Readonly<z.output<typeof configSchema>>;

/** One key of the configuration. */
export type ConfigKey = keyof Config;

/** The configuration in which every value is the default, but for those given. */
export function configOf(values: Partial<z.input<typeof configSchema>> = {}): Config {
	return configSchema.parse(values);
}
