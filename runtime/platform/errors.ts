/**
 * Every error that reeve can report, as rows of one table, and the one class that carries them.
 *
 * Two kinds are never mixed. *Operational* errors are expected: they have a row here, become a
 * refusal or a failed outcome, and leave their actor alive. Everything else is a *programmer*
 * error: it crashes its actor, and the supervisor decides.
 *
 * @module
 */

/** One row of the error table. */
export interface ErrorRow {
	/** What happened, as a sentence without a full stop. */
	readonly meaning: string;
	/** Whether the same request may succeed later without being changed. */
	readonly retryable: boolean;
	/** What the command line exits with. */
	readonly exitCode: number;
	/** What the reader can do about it. */
	readonly hint: string;
}

/** The command line's exit codes, as `reeve --help` lists them. */
export const exitCodes = {
	ok: 0,
	bug: 1,
	usage: 2,
	nobodyMatched: 3,
	someFailed: 4,
	someUnanswered: 5,
	noNode: 6,
	interrupted: 130,
} as const;

const row = (
	meaning: string,
	hint: string,
	more: { retryable?: boolean; exitCode?: number } = {},
): ErrorRow => ({
	meaning,
	hint,
	retryable: more.retryable ?? false,
	exitCode: more.exitCode ?? exitCodes.usage,
});
const later = { retryable: true, exitCode: exitCodes.someFailed };
const failed = { exitCode: exitCodes.someFailed };

/** The table. The key is the code: it is what logs, refusals, metrics labels and scripts see. */
export const errorTable = {
	bad_json: row('the input is not valid JSON', 'check the brackets and quotes near the position'),
	bad_message: row('a field of the message is missing or wrong', 'correct the fields named'),
	bad_name: row(
		'a name holds a character that topics or paths give a meaning to',
		'use letters, digits, dot, dash and underscore; 1 to 128 of them, not only dots',
	),
	no_destination: row('the message names no receiver', 'set toNode, or toNodes'),
	unknown_method: row('no such method is registered', 'see: reeve get methods'),
	bad_delay: row(
		'a delay of an actor is not a number of milliseconds',
		'correct the expression: a field that is missing gives NaN or undefined',
		failed,
	),
	not_storable: row(
		'an actor was given a value that cannot be stored and read back the same',
		'see in docs/actors.md what a context may hold, and store only that at the path named',
		failed,
	),
	not_sendable: row(
		'a message cannot carry the value',
		'send whole characters, bytes, finite numbers, booleans, null, and plain lists of these',
		failed,
	),
	too_large: row('the message is larger than the limit', 'split it, or raise messageBytesMax'),
	connection_cut: row('the sender hung up in mid-message', 'send the whole message again'),
	path_outside: row('the path leaves the data folder', 'give a directory inside the data folder'),
	bad_arguments: row('the method cannot work with these arguments', 'see: reeve explain METHOD'),
	bad_frame: row('a frame on the wire cannot be read', 'check who else publishes on this topic'),
	bad_declaration: row('a file does not declare what its folder is for', 'see CONTRIBUTING.md'),
	bad_config: row('a configuration value is wrong', 'correct the value at the place named'),
	bad_usage: row('the command line cannot be understood', 'see: reeve --help'),
	duplicate_id: row('another message already has this id', 'leave the id out, or choose a new one'),
	mailbox_full: row('the mailbox is above its limit', 'wait, or raise mailboxMessagesMax', later),
	outbox_full: row('the outbox is above its limit', 'wait, or raise outboxMessagesMax', later),
	storage_full: row('the disk is full', 'free some space; what waits resumes by itself', later),
	storage_failed: row('the journal cannot be written', 'check the disk and its permissions', later),
	too_many_clients: row(
		'the socket serves as many clients as it may',
		'close one, or raise clientsMax',
		later,
	),
	recovering: row('the node is still recovering', 'nothing: it is retried', later),
	stopping: row('the node is stopping', 'send again when it is back', later),
	fenced: row('another process has taken over this data folder', 'stop one of the two', failed),
	cloned_store: row(
		'this data folder belongs to a node that lives elsewhere',
		'stop the other one; or start with --adopt (it was moved here) or --fork (make it another)',
		failed,
	),
	duplicate_node: row(
		'another node of this name is connected to the broker',
		'give one of the two another nodeName, or stop it; the name is claimed again by itself',
		later,
	),
	journal_version: row(
		'the data folder was written by another version of reeve',
		'run that version, or start with another databaseFolder',
		failed,
	),
	storage_damaged: row(
		'the journal was damaged, and what could be read of it is in a new one',
		'see reeve describe node for what was saved; the damaged one is in the folder named',
		failed,
	),
	safe_mode: row(
		'the node is in safe mode after repeated crashes, and runs no messages',
		'see: reeve get node; then restart it, with --normal if it comes up in safe mode again',
		later,
	),
	too_many_lanes: row(
		'the sender uses more lanes than this node keeps for one sender',
		'use fewer methods, or raise lanesPerStoreMax at the receiver',
		failed,
	),
	backup_failed: row('the copy of the journal cannot be written', 'name a new folder', failed),
	timed_out: row('the method ran longer than its methodTimeout', 'raise methodTimeout', failed),
	command_failed: row('the command ended with an error', 'see its exit code and stderr', failed),
	command_not_found: row('the command cannot be started', 'check its name and permissions', failed),
	folder_gone: row(
		'the working directory of the node is gone, or cannot be entered',
		'restart the node in a directory that stays, such as its data folder',
		failed,
	),
	file_failed: row('the file cannot be written', 'check the disk and its permissions', failed),
	file_gap: row(
		'a part of a followed file could not be found',
		'see the rotated files beside it; compressed ones are not read',
		failed,
	),
	http_failed: row(
		'the web server did not answer with 200',
		'see the status in the detail',
		failed,
	),
	host_unreachable: row('the host cannot be reached', 'check the address and the network', later),
	copy_failed: row('the file could not be copied', 'see the detail; then send it again', failed),
	process_needed: row(
		'the process is needed to start others again, or to tell of it',
		'stop the node, or set its startSub... switch to false',
		failed,
	),
	output_too_large: row('the output passed its limit', 'raise outputBytesMax', failed),
	method_crashed: row('the method threw an error of its own', 'see the crash report', failed),
	interrupted: row(
		'the node died while the method ran',
		'check what it had done; send again, or set onCrash to retry',
		failed,
	),
	expired: row('the message was given up before it was accepted; it never ran', 'send it again', {
		exitCode: exitCodes.someUnanswered,
	}),
	cancelled: row('the message was cancelled before it was done', 'send it again', failed),
	max_attempts: row(
		'the message was started too often without an end',
		'see: reeve get dead',
		failed,
	),
	broker_unreachable: row('the broker does not answer', 'check brokerAddress', later),
	broker_refused: row(
		'the broker takes no such publication: it hangs up on it, or drops it',
		"see the broker's log for its size limit and the rights of this node; set brokerBytesMax",
		failed,
	),
	address_in_use: row('the address is taken by another program', 'choose another address', {
		exitCode: exitCodes.bug,
	}),
	no_node: row('no node answers on the socket', 'start one: reeve dev, or reeve run', {
		retryable: true,
		exitCode: exitCodes.noNode,
	}),
	already_settled: row('the message has its outcome', 'see: reeve describe message ID', failed),
	still_open: row('the message has no outcome yet', 'wait for it, or cancel the message', failed),
	not_kept: row(
		'the content of the message is not kept any more',
		'send it anew; or raise bodyKeptBytesMax for the next ones',
		failed,
	),
	not_found: row('there is nothing of that name', 'list what there is with reeve get', {
		exitCode: exitCodes.nobodyMatched,
	}),
	bad_supervisor: row(
		'the specification of a supervisor or of its children is wrong',
		'correct the field named',
	),
	killed: row(
		'the actor was killed; what still runs of it has no effect',
		'see what killed it',
		failed,
	),
	start_failed: row('a child of the node could not be started', 'see the cause', {
		exitCode: exitCodes.bug,
	}),
	unknown_event: row(
		'the actor knows no such event',
		'see the events of its machine: reeve describe actor NAME',
		failed,
	),
	actor_done: row('the instance has come to its end', 'send to another key', failed),
	actor_parked: row(
		'the instance is parked; its mail is kept',
		'see why: reeve get actors; repair the definition, then: reeve actors unpark NAME/KEY',
		later,
	),
	actor_crashed: row('the machine of the actor threw an error', 'see the crash report', failed),
	expression_limit: row(
		'an expression of an actor does more work than one turn may',
		'use shorter lists and texts, fewer loops (all, exists, map) inside one another, or a step',
		failed,
	),
	step_without_state: row(
		'a step is running whose state the definition has renamed or removed',
		'let its migration return the id of the invocation in steps; or load the former definition',
		failed,
	),
	ambiguous: row(
		'the node died while the step ran, and it is unknown whether it was done',
		'look at the other side, then send the event that says so',
		failed,
	),
	unauthorized: row(
		'the client has not shown that it may come in',
		'send the token (listenerTokenFile, or listener.token beside the keys of the node): a first ' +
			'line {"token":"..."}, or Authorization: Bearer',
	),
	unguarded: row(
		'a listener that others can reach needs a token, TLS with client certificates, or a login',
		'set listenerLogin: true, listenerTokenFile, or listenerTlsCert, Key and ClientCA; for the ' +
			'broker brokerLogin: true; or listen on 127.0.0.1',
	),
	bad_target: row('the target cannot be understood', 'see: reeve send --help'),
	nobody_matched: row('no known node matches the target', 'see: reeve get nodes', {
		exitCode: exitCodes.nobodyMatched,
	}),
	unsigned: row(
		'it is not signed, and its sender should sign',
		'set signing at the sender, or take its key away with reeve keys revoke',
		failed,
	),
	unknown_key: row(
		'it is signed with a key that is not trusted here',
		'see: reeve keys trust',
		failed,
	),
	bad_signature: row(
		'its signature is wrong: it was changed on its way, or forged',
		'see who else may publish at the broker; or trust the new key of the sender',
		failed,
	),
	replayed: row(
		'it was sent before, and has been brought a second time',
		'see who else may publish at the broker',
		failed,
	),
	not_allowed: row(
		'the access rules of the receiver do not allow it',
		'see there: reeve acl list',
		failed,
	),
	retained: row(
		'the broker had retained it and brings it at each start; it may have run before',
		'publish requests without retain; clear the topic: mosquitto_pub -r -n -t TOPIC',
	),
	unknown_node: row(
		'no node or client of this name is known here',
		'see: reeve get nodes, reeve keys list; if it is still to come, add --yes',
	),
	unconfirmed: row(
		'the change needs a confirmation, and was not made',
		'see what is in force: reeve acl list, reeve keys list; to make the change, add --yes',
	),
	bad_key: row('a key is wrong, or its file is', 'see: reeve keys --help'),
	bad_acl: row('the access rules are wrong', 'correct the place named; see: reeve acl --help'),
	internal: row('reeve met a condition that it does not know', 'report it, with the log', {
		exitCode: exitCodes.bug,
	}),
} as const satisfies Record<string, ErrorRow>;

/** A code of {@link errorTable}. */
export type ErrorCode = keyof typeof errorTable;

/** An operational error: a row of the table, the detail of this case, and its cause. */
export class ReeveError extends Error {
	override readonly name = 'ReeveError';
	readonly code: ErrorCode;
	readonly detail: string;

	/** @param detail what is particular to this case, without the row's meaning; may be empty */
	constructor(code: ErrorCode, detail = '', options?: ErrorOptions) {
		const { meaning } = errorTable[code];
		super(detail ? `${meaning}: ${detail}` : meaning, options);
		this.code = code;
		this.detail = detail;
	}
}

/** Whether `text` is a code of the table; for codes that came over a wire. */
export function isErrorCode(text: string): text is ErrorCode {
	return Object.hasOwn(errorTable, text);
}

/** Any thrown value as an operational error; what is not one already becomes `fallback`. */
export function asReeveError(thrown: unknown, fallback: ErrorCode = 'internal'): ReeveError {
	if (thrown instanceof ReeveError) return thrown;
	return new ReeveError(fallback, reasonOf(thrown), { cause: thrown });
}

/**
 * The reason in a thrown value, for people. If several attempts have failed, such as those for each
 * address of a host, it names the reason of each. It is never empty.
 */
export function reasonOf(thrown: unknown): string {
	try {
		if (thrown instanceof Error) return errorReason(thrown).toWellFormed();
		return (plainReason(thrown) ?? String(thrown)).toWellFormed();
	} catch {
		// What code throws may be unable to say what it is.
		return 'something without a text was thrown';
	}
}

/** What was thrown, with its stack if it has one. */
export function traceOf(thrown: unknown): string {
	return thrown instanceof Error && thrown.stack ? thrown.stack : reasonOf(thrown);
}

/** Of an error as plain data, such as the failure of a step; undefined if it is none. */
function plainReason(thrown: unknown): string | undefined {
	if (typeof thrown !== 'object' || thrown === null) return undefined;
	const { code, message } = thrown as { readonly code?: unknown; readonly message?: unknown };
	const said = [code, message].filter((part) => typeof part === 'string' && part !== '');
	return said.length > 0 ? said.join(': ') : undefined;
}

function errorReason(thrown: Error): string {
	const parts: unknown[] = thrown instanceof AggregateError ? thrown.errors : [];
	const reasons = [...new Set(parts.map(reasonOf))].join('; ');
	const text = [thrown.message, reasons].filter(Boolean).join(': ');
	const code: unknown = Reflect.get(thrown, 'code');
	return text || (typeof code === 'string' ? code : thrown.name);
}
