/**
 * `reeve acl` shows and changes who may call which method of a node.
 *
 * @module
 */
import { isUtf8 } from 'node:buffer';
import { readFileSync } from 'node:fs';
import {
	callerWords,
	parseRules,
	type Access,
	type AccessRules,
} from '../../../runtime/security/access-rules.ts';
import {
	changeAccess,
	unknownNames,
	type RuleChange,
} from '../../../runtime/security/access-changes.ts';
import { testCall } from '../../../runtime/security/authorization.ts';
import { notUtf8Text, textOf } from '../../../runtime/text/utf8.ts';
import { yamlText } from '../../../runtime/text/yaml.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { defineCommand, type CommandInput, type CommandTools } from '../arguments/command.ts';
import { tableText } from '../output/render.ts';
import {
	isConfirmed,
	tellNodes,
	securityFolder,
	securityOptions,
	type SecurityFolder,
} from '../client/security-folder.ts';

/** Works on the file; a node that runs sees it within a second. */
export default defineCommand({
	arguments: [
		{
			name: '<what>',
			help: 'What to do',
			choices: ['list', 'allow', 'deny', 'remove', 'clear', 'test', 'export', 'import'],
		},
		{
			name: '[words...]',
			help: 'Who (see below), and which method or *',
		},
	],
	options: securityOptions,
	examples: [
		"reeve acl allow central '*' --yes    # the first rule: from then on all else is refused",
		'reeve acl allow ship1 exec -- systemctl status      # commands that begin so',
		'reeve acl deny client exec --to ship1,ship2         # central tells them',
		'reeve acl test ship1 exec --to ship2 -- uptime      # may ship1 do that on ship2?',
		'reeve acl export > acl.yaml; reeve acl import acl.yaml --to ship1',
		'reeve acl remove ship1 exec -- systemctl status     # this rule, and no other',
		"reeve acl allow client:alice replyTopic -- 'alice/#'  # topics its outcomes may go to",
		"reeve acl remove central '*'                # if it is the only one about these two",
		'reeve acl clear                             # all calls are allowed again',
	],
	notes: [
		'Who a rule is about; a deny by any word that covers the caller denies:',
		...callerWords.map(([word, covers]) => `  ${word.padEnd(13)}${covers}`),
		'',
		'A client may have outcomes published only on topics that a rule for replyTopic allows.',
		'',
		'Without --to the file acl.yaml is changed, not the node asked: who may write this file can',
		'always edit it, and run reeve acl clear, whatever the rules say and whether the node runs.',
	],
	async run(input, tools) {
		const [what = '', file] = input.words;
		const read = what === 'import' ? imported(file) : undefined;
		if (input.options['to'] !== undefined) return tell(read?.text, { input, tools });
		const folder = securityFolder(input, tools);
		// The way back needs neither the node nor rules that can be read.
		const known = await folder.rules(what !== 'clear');
		if (what !== 'clear' && what !== 'import') checkReadable(known.access);
		return act(input, { tools, known, rules: read?.rules, administrator: folder.administrator });
	},
});

/** What a command works on. */
interface Opened {
	readonly tools: CommandTools;
	readonly known: Awaited<ReturnType<SecurityFolder['rules']>>;
	readonly rules: AccessRules | undefined;
	readonly administrator: SecurityFolder['administrator'];
}

async function act(input: CommandInput, opened: Opened): Promise<number> {
	const { tools, known, rules, administrator } = opened;
	const [what] = input.words;
	if (what === 'list') tools.screen.out(await listed(known, tools));
	else if (what === 'export') tools.screen.out(yamlText(known.access.rules() ?? {}));
	else if (what === 'test') {
		const words = [...input.words.slice(1), ...(input.rest ?? [])];
		const { isAllowed, text } = testCall(words, { ...known, administrator });
		tools.screen.out(`${text}\n`);
		if (!isAllowed) return exitCodes.someFailed;
	} else {
		const around = { names: known.names, administrator, isConfirmed: isConfirmed(input) };
		changeAccess(known.access, changeOf(input, rules), around);
	}
	return exitCodes.ok;
}

function checkReadable(access: Access): void {
	const why = access.fault();
	if (why !== '') throw new ReeveError('bad_acl', why);
}

/** The rules of a file or of standard input, checked before they are sent. */
function imported(file: string | undefined): { text: string; rules: AccessRules } {
	const place = file ?? 'standard input';
	const text = textIn(readFileSync(file ?? 0), place);
	return { text, rules: parseRules(text, place) };
}

function textIn(bytes: Uint8Array, place: string): string {
	if (isUtf8(bytes)) return textOf(bytes);
	throw new ReeveError('bad_acl', `${place}: ${notUtf8Text(bytes)}`);
}

function tell(
	rules: string | undefined,
	given: { input: CommandInput; tools: CommandTools },
): Promise<number> {
	const [what = '', ...words] = given.input.words;
	if (rules !== undefined) return tellNodes('acl-update', ['import'], { ...given, data: rules });
	const method = what === 'export' ? 'list' : what;
	const { rest } = given.input;
	// The two dashes, before no words, stand for the rule without a command.
	const command = what === 'remove' && rest ? ['--', ...rest] : (rest ?? []);
	return tellNodes('acl-update', [method, ...words, ...command], given);
}

function changeOf(input: CommandInput, rules: AccessRules | undefined): RuleChange {
	const [what = '', from = '', method = '', ...more] = input.words;
	if (rules) return { what: 'import', rules };
	if (what === 'clear' && from === '') return { what };
	if (method === '' || more.length > 0) {
		throw new ReeveError('bad_usage', `acl ${what} WHO METHOD -- COMMAND; quote the *`);
	}
	if (what === 'remove') return { what, from, method, command: input.rest };
	return { what: what === 'deny' ? 'deny' : 'allow', from, method, command: input.rest ?? [] };
}

async function listed(
	{ access, names }: Awaited<ReturnType<SecurityFolder['rules']>>,
	{ screen }: CommandTools,
): Promise<string> {
	const rules = access.rules();
	if (!rules) {
		screen.note('no rules: every sender may call every method');
		return '';
	}
	const unknown = unknownNames(rules, names);
	if (unknown.length > 0) screen.note(`not known here: ${unknown.join(', ')}`);
	screen.note('nodes and MQTT clients may do what a rule allows and none denies');
	const rows = rules.rules.map(({ from, method, command = '', effect }) => {
		return [effect, from, method, [command].flat().join(' ')];
	});
	return tableText(['EFFECT', 'FROM', 'METHOD', 'COMMAND'], rows);
}
