/**
 * What can be configured: one schema, with the meaning, default and limit of each value. Steward's
 * flags keep steward's names. Every queue, retry, payload and history of reeve has its limit here.
 *
 * @module
 */
import { z } from 'zod';
import { isName } from '../message/topics.ts';

const seconds = z.coerce.number().int().min(0).max(31_536_000);
const count = z.coerce.number().int().min(1);
const bytes = z.coerce.number().int().min(64);
const milliseconds = z.coerce.number().int().min(1).max(86_400_000);
const folder = z.string().min(1);
const flag = z.union([z.boolean(), z.enum(['true', 'false']).transform((text) => text === 'true')]);
const name = z.string().refine(isName, 'not a node name');

const natsAdvice =
	'reeve speaks MQTT. A NATS server does too, if its configuration says jetstream {} and ' +
	'mqtt { port: 1883 }: then write mqtt://HOST:1883; or leave it empty, for the broker here';

/**
 * The schema. A key is a flag (`--nodeName`, `--node-name`), a variable, and a line of the file.
 */
export const configSchema = z.strictObject({
	nodeName: name.default('central').describe('The name of this node; unique in the fleet'),
	centralNodeName: name.default('central').describe('The node that errors and replies go to'),
	socketFolder: folder.default('./tmp').describe('Where the unix socket lives'),
	databaseFolder: folder.default('./var/lib').describe('Where the journal lives'),
	subscribersDataFolder: folder.default('./data').describe('Where methods write their files'),
	startupFolder: z
		.string()
		.default('')
		.describe('Where startup messages are; empty: startup/ in databaseFolder'),
	methodsFolder: z.string().default('').describe('A folder with your own method files'),
	brokerAddress: z
		.string()
		.refine((address) => !address.startsWith('nats:'), natsAdvice)
		.default('')
		.describe('The MQTT broker, such as mqtt://10.0.0.1:1883; empty: start one in this node'),
	brokerListen: z
		.string()
		.default('127.0.0.1:1883')
		.describe('Where the broker in this node listens'),
	brokerLogin: flag
		.default(true)
		.describe('The broker in this node wants a login; false: none, on 127.0.0.1 only'),
	brokerConnectionsMax: count
		.default(10_000)
		.describe('Connections to the broker in this node at a time; a node has two or three'),
	brokerConnectionsPerLoginMax: count
		.default(16)
		.describe('Connections of one node to it at a time; beyond it the oldest is ended'),
	brokerConnectionsReserved: z.coerce
		.number()
		.int()
		.min(0)
		.default(16)
		.describe('Connections to it that nodes do not get, at most half: room for the administrator'),
	brokerPacketBytesMax: bytes
		.default(8_388_608)
		.describe('The largest publication that it takes, or more where messageBytesMax is larger'),
	brokerControlBytesMax: bytes
		.default(65_536)
		.describe('The largest packet that it takes of a node and that is no publication'),
	brokerRetainedBytesMax: bytes
		.default(65_536)
		.describe('The largest publication that it keeps for a node: its birth, or its death'),
	brokerSubscriptionsMax: count
		.default(1000)
		.describe('Subscriptions of one connection of a node; the administrator has 100 times as many'),
	brokerWaitingBytesMax: bytes
		.default(33_554_432)
		.describe('Bytes that wait there for the connections of one node; what comes then is dropped'),
	brokerStillMs: milliseconds
		.default(5000)
		.describe('How long a client for which so much waits may take nothing before it is ended'),
	brokerSessionBytesMax: bytes
		.default(67_108_864)
		.describe('Bytes that it keeps for a session whose client is away; what comes then is dropped'),
	brokerStrangersMax: count
		.default(1000)
		.describe('Connections to it that have not logged in; beyond it the oldest is ended'),
	brokerLoginBytesMax: bytes
		.default(65_536)
		.describe('The most bytes that it takes of a client before its login'),
	brokerLoginMs: milliseconds.default(10_000).describe('How long a client has for its login there'),
	brokerUser: z
		.string()
		.default('')
		.describe('The user name for the broker, if it requires one; that of the one here is reeve'),
	brokerPassword: z
		.string()
		.default('')
		.describe('Its password; better in brokerPasswordFile, or in the environment'),
	brokerPasswordFile: z
		.string()
		.default('')
		.describe('A file with the password and nothing else; for the broker here one is made'),
	rootCAPath: z
		.string()
		.default('')
		.describe('The root CA certificate that the certificate of the broker is verified with (PEM)'),
	brokerCertPath: z
		.string()
		.default('')
		.describe('The client certificate of this node for the broker (PEM)'),
	brokerKeyPath: z.string().default('').describe('The private key of that certificate (PEM)'),
	keysFolder: z
		.string()
		.default('')
		.describe('Where keys and access rules are; empty: keys/ in the folder of this file'),
	signing: z
		.enum(['off', 'on', 'required'])
		.default('off')
		.describe('on: sign, and verify senders whose key is known; required: refuse all others'),
	centralKey: z
		.string()
		.regex(/^(?:ed25519:[\w-]{43})?$/, 'not a key, see: reeve keys show')
		.default('')
		.describe('The key of central, trusted from the first start of this node; see keys invite'),
	pendingKeysMax: count
		.default(100)
		.describe('Nodes whose keys wait here to be accepted; more are not listed'),
	topicPrefix: z
		.string()
		.regex(/^[^+#\0]*$/, 'no + and no #')
		.default('reeve')
		.describe('The first part of every topic; may be empty'),
	mqttVersion: z
		.enum(['auto', '5', '3.1.1'])
		.default('auto')
		.describe('auto: 5.0, and 3.1.1 where the broker does not speak it'),
	presence: z
		.enum(['all', 'asked'])
		.default('all')
		.describe('asked: hear only of the nodes that this one has messages for; for large fleets'),
	takePublic: flag.default(true).describe('Take what clients publish; false saves a connection'),
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
	startSubREQHttpGet: flag.default(true).describe('Let messages fetch web pages'),
	startSubREQHttpGetScheduled: flag
		.default(true)
		.describe('Let messages fetch web pages again and again'),
	startSubREQTailFile: flag.default(true).describe('Let messages follow files'),
	startSubREQCliCommandCont: flag
		.default(true)
		.describe('Let messages run commands whose output comes back as it is printed'),
	startSubREQToFileNACK: flag.default(true).describe('Let unacknowledged messages write files'),
	startSubREQCopySrc: flag.default(true).describe('Let messages copy files from here'),
	startSubREQCopyDst: flag.default(true).describe('Take files that are copied to here'),
	startSubREQRelay: flag.default(true).describe('Send messages on for other nodes'),
	keepStopped: flag
		.default(true)
		.describe(
			'After a restart, keep processes started or stopped that a message started or stopped',
		),
	durability: z
		.enum(['disk', 'os'])
		.default('disk')
		.describe('disk: survives power loss; os: survives a crash of the process only'),
	strictIdentity: flag
		.default(false)
		.describe('Refuse a data folder that was last used on another machine'),
	onDuplicateName: z
		.enum(['wait', 'exit'])
		.default('wait')
		.describe('While another node has this name: work on without the broker, or end'),
	claimMs: milliseconds.default(5000).describe('How long a claim of the name waits for objections'),
	claimPauseMs: milliseconds
		.default(30_000)
		.describe('Shortest pause before the name is claimed again'),
	uncleanStartsMax: count.default(3).describe('Starts after a crash that lead to safe mode'),
	uncleanPeriod: seconds
		.min(1)
		.default(600)
		.describe('Seconds within which starts after a crash count'),
	laneSilenceMax: seconds
		.min(2_592_000)
		.default(2_592_000)
		.describe('Seconds of silence, while this node runs, after which an inbound lane is forgotten'),
	lanesPerStoreMax: count.default(10_000).describe('Inbound lanes kept for one sender'),
	logLevel: z.enum(['debug', 'info', 'warn', 'error', 'silent']).default('info'),
	logBytesWaitingMax: bytes
		.default(1_048_576)
		.describe(
			'Bytes of the log, and of the console, that wait for a reader; what is beyond is dropped',
		),
	logLinesPerSecondMax: count
		.default(100)
		.describe('Lines of one signal in the log in a second; the others are counted and told'),
	messageBytesMax: bytes.default(4_194_304).describe('The largest message that is taken'),
	outputBytesMax: bytes.default(1_048_576).describe('The most output that a reply carries'),
	redirectsMax: z.coerce
		.number()
		.int()
		.min(0)
		.default(20)
		.describe('The most redirects that a fetched page may lead through'),
	lineBytesMax: bytes
		.default(65_536)
		.describe('The longest line of a followed file or command; longer ones are cut into several'),
	tailPollMs: milliseconds.default(1000).describe('Pause between two looks at a followed file'),
	tailMarkBytes: bytes
		.max(65_536)
		.default(1024)
		.describe('A followed file is known again by so many of its first bytes'),
	diskReserveBytes: z.coerce
		.number()
		.int()
		.min(0)
		.default(2_097_152)
		.describe('Bytes of the disk that are kept for cancel and drop on a full disk; 0: none'),
	diskRetryMs: milliseconds
		.default(1000)
		.describe('Pause before a file that a full disk did not take is written again'),
	copyBytesMax: bytes.default(10_737_418_240).describe('The largest file that is copied'),
	copyPartsKept: seconds
		.default(86_400)
		.describe('Seconds after which the part of a copy that does not go on is removed'),
	copyChunkBytes: z.coerce
		.number()
		.int()
		.min(1024)
		.max(4_000_000)
		.default(262_144)
		.describe('The most bytes of a copied file in one message'),
	copyOutside: flag
		.default(false)
		.describe('Allow absolute paths outside of the data folder for copied files'),
	outputKeptBytesMax: bytes.default(65_536).describe('The most output kept in the ledger'),
	mailboxMessagesMax: count.default(100_000).describe('Messages waiting for one method here'),
	mailboxBytesMax: bytes
		.default(268_435_456)
		.describe('Bytes waiting for one method here; above it no more are taken'),
	outboxMessagesMax: count.default(1_000_000).describe('Messages waiting to leave'),
	historyEventsMax: count.min(4).default(32).describe('Events kept in the history of one message'),
	bodyKeptBytesMax: bytes
		.default(16_384)
		.describe('The largest message kept in the ledger and in the record, to be sent again'),
	publicMessagesMax: count.default(1000).describe('Messages in one payload of an MQTT client'),
	outcomesKeptMax: count.default(10_000).describe('Outcomes that wait to be published'),
	operatedMax: count
		.default(10_000)
		.describe('The most messages that one retry, cancel or drop handles'),
	lanesMax: count
		.default(100_000)
		.describe('Ordered streams to other nodes: for a node, method and kind one, or 256 with keys'),
	settledKeptMax: count.default(10_000).describe('Settled messages kept for lists and audits'),
	deadKeptMax: count.default(10_000).describe('Dead letters kept; beyond it the oldest go'),
	receiptsKeptMax: count
		.default(10_000)
		.describe('Receipts of accepted messages kept for audits and repetitions'),
	unknownMethodGrace: seconds
		.default(60)
		.describe('Seconds after a start in which an unknown method may still be deployed'),
	windowMessagesMax: count.default(256).describe('Messages under way in one lane'),
	frameBytesMax: bytes
		.default(1_048_576)
		.describe('The most bytes in one PUBLISH, unless one message is larger'),
	connectAttemptMs: milliseconds
		.min(10)
		.default(5000)
		.describe('How long each address of a host gets before the next one is tried'),
	connectMs: milliseconds
		.default(30_000)
		.describe('How long a connection to the broker may take, over all its addresses'),
	watchdogAfter: seconds
		.default(60)
		.describe('Seconds for which the event loop may stand still before the process ends; 0: any'),
	checkupMs: milliseconds
		.min(10)
		.default(4000)
		.describe('How long reeve doctor waits for a connection to the broker, and for its answer'),
	brokerBytesMax: bytes
		.default(268_435_455)
		.describe('The largest publication that the broker takes, if it does not tell (MQTT 3.1.1)'),
	ackBytesMax: bytes.default(8192).describe('About the most bytes in one acknowledgement'),
	hangUpsMax: count
		.default(3)
		.describe('Times that the broker may hang up on one publication before it is given up'),
	hangUpTrialMs: milliseconds
		.default(10_000)
		.describe('How long fewer publications are under way at a time after the broker hung up'),
	dropsMax: count
		.default(3)
		.describe('Times that the broker may drop one publication before it is given up'),
	barredTopicMsMin: milliseconds
		.default(60_000)
		.describe('First pause before a topic on which the broker always hangs up is tried again'),
	barredTopicMsMax: milliseconds.default(3_600_000).describe('Longest such pause'),
	callsMax: count.default(16).describe('Messages that one concurrent method runs at a time'),
	settlementsMax: count.default(1000).describe('Outcomes of one method that may wait for the disk'),
	attemptsMax: count.default(5).describe('Starts of one message before it becomes a dead letter'),
	resendMsMin: milliseconds.default(1000).describe('First pause before a resend'),
	resendMsMax: milliseconds.default(60_000).describe('Longest pause before a resend'),
	definitionsFolder: z.string().default('').describe('A folder with your own actor definitions'),
	definitionsWatch: flag.default(true).describe('Reload actor definitions when their files change'),
	definitionsSettleMs: milliseconds
		.default(500)
		.describe('Milliseconds without a change before definitions are reloaded'),
	activeInstancesMax: count.default(10_000).describe('Instances of one actor kept in memory'),
	passivateAfter: seconds
		.min(1)
		.default(300)
		.describe('Seconds until an idle instance is removed from memory'),
	// Three batches: one is written, one has run, and the next one is read meanwhile.
	turnsAheadMax: count.default(1500).describe('Turns of one actor that may wait for the disk'),
	turnsBatchMax: count.default(500).describe('Turns of one actor in one transaction'),
	turnsBatchMsMax: milliseconds
		.min(1)
		.default(50)
		.describe('Milliseconds after which the turns of one actor leave room for other work'),
	turnsKeptMax: z.coerce
		.number()
		.int()
		.min(0)
		.default(32)
		.describe('Last turns of each instance kept on disk; 0: none'),
	turnBytesMax: bytes.default(2048).describe('The most bytes kept of the event of one turn'),
	microstepsMax: count.default(1000).describe('Transitions that one event may cause in a machine'),
	snapshotBytesMax: bytes.default(1_048_576).describe('The largest state of an instance'),
	stepsMax: count.default(64).describe('Steps of one actor that run at a time'),
	stepTimeout: seconds.min(1).default(600).describe('Seconds that a step may run, unless it says'),
	owedRepliesMax: count.default(1000).describe('Messages that one instance may leave unanswered'),
	keepRestartBudgets: flag
		.default(false)
		.describe('Keep counting the restarts of supervisors after a restart of the node'),
	stopTimeout: seconds.default(5).describe('Seconds that running methods get at a stop'),
	signalsKeptMax: count.default(1000).describe('Signals kept in memory'),
	errorReportsPerMinuteMax: count.default(60).describe('Errors reported to central in a minute'),
	clientsMax: count.default(256).describe('Clients on the unix socket at a time'),
	answersWaitingMax: count
		.default(1000)
		.describe('Answers that one client on the socket may leave unread'),
	facts: z
		.string()
		.regex(/^$|^[\w.-]+=[^,=]*(,[\w.-]+=[^,=]*)*$/, 'not key=value,key=value')
		.default('')
		.describe('Facts about this node, such as role=db,site=oslo; see: reeve send --to'),
	tcpListener: z
		.string()
		.default('')
		.describe('host:port that takes messages as the unix socket does; empty: none'),
	httpListener: z
		.string()
		.default('')
		.describe('host:port for messages, questions, events and metrics over HTTP; empty: none'),
	promHostAndPort: z
		.string()
		.default('')
		.describe('host:port for Prometheus, without a token; :port is every interface; empty: none'),
	exposeDataFolder: z
		.string()
		.default('')
		.describe('host:port that shows the data folder over HTTP, to be read; empty: none'),
	profilingPort: z.coerce
		.string()
		.regex(/^\d{0,5}$/, 'not a port')
		.default('')
		.describe('Port on the loopback interface for CPU profiles; empty: none'),
	listenerTokenFile: z
		.string()
		.default('')
		.describe('A file with the token that clients of TCP and HTTP must give; empty: one is made'),
	listenerLogin: flag
		.default(true)
		.describe('Clients of TCP and HTTP need a token or a certificate; false: none on 127.0.0.1'),
	listenerTlsCert: z
		.string()
		.default('')
		.describe('Certificate file of the TCP and HTTP listeners'),
	listenerTlsKey: z.string().default('').describe('Its key file'),
	listenerTlsClientCA: z
		.string()
		.default('')
		.describe(
			'Root certificates; if set, clients must have a certificate that one of them verifies',
		),
	httpRequestTimeout: seconds
		.min(1)
		.default(30)
		.describe('Seconds within which an HTTP request must be complete'),
	httpWaitMax: seconds.min(1).default(60).describe('Seconds that ?wait=1 waits for outcomes'),
	profileSecondsMax: seconds.min(1).max(600).default(60).describe('Longest CPU profile'),
	readFolder: z
		.string()
		.default('')
		.describe('A folder whose files are messages to be sent; empty: none'),
	readFolderSettleMs: milliseconds
		.default(1000)
		.describe('How long a file there must be unchanged before it is read'),
	readFolderKeptMax: count.default(10_000).describe('Files kept in its folder done'),
	storeLogBytesMax: bytes
		.default(16_777_216)
		.describe('Size at which the record of sent messages begins a new file'),
	storeLogFilesMax: z.coerce
		.number()
		.int()
		.min(0)
		.default(5)
		.describe('Files of that record that are kept; 0: no record'),
	messageDepthMax: count.max(1000).default(64).describe('How deep the JSON of a message may nest'),
	messageValuesMax: count
		.default(50_000)
		.describe('Values in the JSON of one message or payload: texts, numbers, lists, objects'),
	yamlBytesMax: bytes.default(16_384).describe('The largest payload in YAML; JSON may be larger'),
});

/** The configuration of a node, complete. */
export type Config = Readonly<z.output<typeof configSchema>>;

/** One key of the configuration. */
export type ConfigKey = keyof Config;

/** The default configuration with the given values. */
export function configOf(values: Partial<z.input<typeof configSchema>> = {}): Config {
	return configSchema.parse(values);
}

/** Keys whose values are secret: they are shown as stars. */
export const secretKeys: ReadonlySet<string> = new Set(['brokerPassword']);
