/**
 * Runs the stories of the examples. This process is the node `central`; the nodes that a story is
 * about are processes of their own, with the definitions of `examples/actors`. A node that dies is
 * started again, as systemd would do it.
 *
 * @module
 */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, realpathSync, rmSync, mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { fileURLToPath } from 'node:url';
import { pause, realClock } from '../runtime/platform/clock.ts';
import { configOf, startNode, type RunningNode } from '../supervisors/node/node.ts';
import { startBroker } from '../transports/mqtt/embedded-broker.ts';
import { connectPlainly, type PlainClient } from './plain-client.ts';

const program = fileURLToPath(new URL('../supervisors/node/main.ts', import.meta.url));
const definitions = fileURLToPath(new URL('actors', import.meta.url));

/** The interval at which conditions are checked. */
const lookMs = 20;

/** A story. */
export interface Story {
	/** The nodes that run as processes of their own. */
	readonly nodes: readonly string[];
	/** Plays it, and returns its end: the same, whichever nodes die meanwhile. */
	play(nodes: StoryNodes): Promise<unknown>;
}

/** What a story works with. */
export interface StoryNodes extends Pick<PlainClient, 'publish' | 'overheard'> {
	/** The folder of all nodes, which is removed when the story is over. */
	readonly folder: string;
	/** Says what happens. */
	readonly say: (text: string) => void;
	/** Sends a message from central; resolves with its outcome, however long that takes. */
	readonly send: (message: object) => Promise<Outcome>;
	/** Sends an event to an instance; resolves with what it answers. */
	readonly tell: <Answer>(where: Instance, event: object) => Promise<Answer>;
	/** Asks an instance again and again until its answer is as `holds` says. */
	readonly until: <Answer>(where: Instance, holds: (answer: Answer) => boolean) => Promise<Answer>;
	/** The alerts that have reached central, oldest first. */
	readonly alerts: () => readonly string[];
	/** Resolves when so many alerts have reached central. */
	readonly alerted: (count: number) => Promise<void>;
	/** Starts another node in this process. */
	readonly join: (node: string) => Promise<void>;
}

/** An instance of a declared actor. */
export interface Instance {
	readonly node: string;
	readonly actor: string;
	readonly key: string;
}

/** How a message has ended. */
export interface Outcome {
	readonly state: string;
	readonly code?: string;
	readonly output?: string;
}

/** The options of a performance. */
export interface Performance {
	readonly say: (text: string) => void;
	/**
	 * Where a run of a node ends, for `REEVE_CRASH_AT`, or after how many milliseconds; an empty text
	 * if it does not. `run` counts the starts of a node.
	 */
	readonly crashAt?: (node: string, run: number) => string | number;
}

/** The result of a performance. */
export interface Performed {
	readonly end: unknown;
	/** How often nodes have died. */
	readonly deaths: number;
}

/** Plays a story if its file is what was started: `node --import tsx examples/actors/<name>.ts`. */
export async function playIfMain(file: string, story: Story): Promise<void> {
	if (process.argv[1] === undefined || realpathSync(process.argv[1]) !== fileURLToPath(file))
		return;
	const say = (text: string) => void process.stdout.write(`${text}\n`);
	const { end } = await perform(story, { say });
	say(`In the end: ${JSON.stringify(end)}`);
}

/** Plays a story from its beginning to its end, and leaves nothing behind. */
export async function perform(story: Story, performance: Performance): Promise<Performed> {
	const folder = mkdtempSync(join(realpathSync(tmpdir()), 'reeve-story-'));
	const broker = await startBroker('127.0.0.1:0');
	const nodes: RunningNode[] = [];
	const joining = async (name: string): Promise<RunningNode> => {
		const node = await startNode(configOf(settingsOf(name, { folder, broker: broker.address })));
		nodes.push(node);
		return node;
	};
	const cast = createCast({ folder, broker: broker.address, performance });
	const client = await connectPlainly(broker.address);
	try {
		const central = await joining('central');
		const seen = Promise.all(story.nodes.map((name) => birthOf(central, name)));
		for (const name of story.nodes) cast.start(name);
		// The birth of a node says which methods and actors it has.
		await Promise.race([seen, cast.failed]);
		const nodes = createStory(central, {
			...client,
			folder,
			say: performance.say,
			join: async (name) => void (await joining(name)),
		});
		const end = await Promise.race([story.play(nodes), cast.failed]);
		return { end, deaths: cast.deaths() };
	} finally {
		await cast.stop();
		await client.end();
		await Promise.all(nodes.map((node) => node.stop()));
		await broker.stop();
		rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
	}
}

/** Resolves when a node has announced itself. */
function birthOf(central: RunningNode, name: string): Promise<void> {
	return new Promise((resolve) => {
		const unsubscribe = central.signals.subscribe((signal) => {
			if (signal.type !== 'node.seen' || signal.name !== name) return;
			unsubscribe();
			resolve();
		});
	});
}

interface Place {
	readonly folder: string;
	readonly broker: string;
}

/** The configuration of a node: quiet, and quick to try again. */
function settingsOf(nodeName: string, { folder, broker: brokerAddress }: Place) {
	const place = join(folder, nodeName);
	mkdirSync(place, { recursive: true });
	return {
		nodeName,
		brokerAddress,
		socketFolder: folder,
		databaseFolder: join(place, 'db'),
		subscribersDataFolder: join(place, 'data'),
		startPubREQHello: 0,
		logLevel: 'silent',
		resendMsMin: 100,
		// Short, because no other node has these names and could object.
		claimMs: 100,
		stopTimeout: 1,
	} as const;
}

/** The nodes that are processes. */
function createCast({ performance, ...place }: Place & { readonly performance: Performance }) {
	const { say, crashAt = () => '' } = performance;
	const children = new Map<string, ChildProcess>();
	const starts = new Map<string, number>();
	let deaths = 0;
	let isOver = false;
	let fail: (why: Error) => void = () => {};
	const failed = new Promise<never>((_, reject) => {
		fail = reject;
	});
	failed.catch(() => undefined);

	const start = (name: string): void => {
		const run = (starts.get(name) ?? 0) + 1;
		starts.set(name, run);
		const settings = {
			...settingsOf(name, place),
			configFolder: join(place.folder, name, 'etc'),
			definitionsFolder: definitions,
			// A node that is killed on purpose must not start in safe mode after the third time.
			uncleanStartsMax: 1000,
		};
		const words = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, String(value)]);
		const end = crashAt(name, run);
		const tsx = ['--import', import.meta.resolve('tsx')];
		const child = spawn(
			process.execPath,
			[...tsx, program, 'run', '--stop-with-parent', ...words],
			{
				cwd: join(place.folder, name),
				// The pipe is never written to: it closes with this process, and then the nodes stop.
				stdio: ['pipe', 'ignore', 'pipe'],
				env: { ...process.env, REEVE_CRASH_AT: typeof end === 'string' ? end : '' },
			},
		);
		const killer =
			typeof end === 'number' ? realClock.after(end, () => child.kill('SIGKILL')) : undefined;
		children.set(name, child);
		let errors = '';
		child.stderr?.on('data', (chunk: Buffer) => (errors += chunk.toString()));
		child.once('close', (code, signal) => {
			killer?.cancel();
			if (isOver) return;
			if (signal !== 'SIGKILL') {
				fail(new Error(`${name} has ended with ${code ?? signal}: ${errors}`));
				return;
			}
			deaths += 1;
			say(`${name} dies, and is started again`);
			start(name);
		});
	};
	return {
		start,
		failed,
		deaths: () => deaths,
		async stop() {
			isOver = true;
			await Promise.all([...children.values()].map(ended));
		},
	};
}

async function ended(child: ChildProcess): Promise<void> {
	if (child.exitCode !== null || child.signalCode !== null) return;
	const gone = once(child, 'exit');
	child.kill('SIGTERM');
	await gone;
}

type SceneParts = Pick<StoryNodes, 'folder' | 'say' | 'join' | 'publish' | 'overheard'>;

function createStory(central: RunningNode, parts: SceneParts): StoryNodes {
	const { folder } = parts;
	const errorLog = join(folder, 'central', 'data', 'errorLog', 'errorCentral', 'error.log');
	const send: StoryNodes['send'] = async (message) => {
		const [answer] = await central.api.accept({ replyMethod: 'REQNone', ...message }, 'story');
		if (!answer || !('id' in answer)) throw new Error(JSON.stringify(answer));
		const { signal } = new AbortController();
		let last: Outcome | undefined;
		for await (const row of central.api.ask({ reeve: 'watch', ids: [answer.id] }, signal)) {
			last = row as Outcome;
		}
		return last ?? { state: 'unknown' };
	};
	const tell = async <Answer>(where: Instance, event: object): Promise<Answer> => {
		const { node: toNode, actor: method, key } = where;
		const data = JSON.stringify(event);
		const { state, code = '', output } = await send({ toNode, method, key, data });
		if (state !== 'done') throw new Error(`${method}/${key}: ${state} ${code}`);
		return (output ? JSON.parse(output) : undefined) as Answer;
	};
	const alerts = () =>
		textIn(errorLog)
			.split('\n')
			.flatMap((line) => /, alert: (.*)$/.exec(line)?.[1] ?? []);
	return {
		...parts,
		send,
		tell,
		alerts,
		async alerted(count) {
			while (alerts().length < count) await pause(realClock, lookMs);
		},
		async until<Answer>(where: Instance, holds: (answer: Answer) => boolean) {
			for (;;) {
				const answer = await tell<Answer>(where, { type: 'TELL' });
				if (holds(answer)) return answer;
				await pause(realClock, lookMs);
			}
		},
	};
}

/** The text of a file; empty while there is none. */
function textIn(path: string): string {
	try {
		return readFileSync(path, 'utf8');
	} catch {
		return '';
	}
}
