/**
 * `reeve acl` shows and changes who may call which method of a node.
 *
 * @module
 */
import { readFileSync } from 'node:fs';
import {
	parseRules,
	type Access,
	addRule,
	removeRules,
} from '../../../runtime/security/access-rules.ts';
import { yamlText } from '../../../runtime/text/yaml.ts';
import { exitCodes, ReeveError } from '../../../runtime/platform/errors.ts';
import { defineCommand, type CommandInput, type CommandTools } from '../arguments/command.ts';
import { tableText } from '../output/render.ts';
import { tellNodes, securityFolder, securityOptions } from '../client/security-folder.ts';

/** Works on the file; a node that runs sees it within a second. */
export default defineCommand({
	arguments: [
		{
			name: '<what>',
			help: 'What to do',
			choices: ['list', 'allow', 'deny', 'remove', 'export', 'import'],
		},
		{
			name: '[words...]',
			help: 'Who (NODE, @group, client, client:NAME, local, *), and which method or *',
		},
	],
	options: securityOptions,
	examples: [
		"reeve acl allow central '*'",
		'reeve acl allow ship1 REQCliCommand -- systemctl status    # commands that begin so',
		'reeve acl deny client REQCliCommand --to ship1,ship2      # central tells them',
		'reeve acl export > acl.yaml; reeve acl import acl.yaml --to ship1',
		"reeve acl remove central '*'",
	],
	async run(input, tools) {
		const [what = '', file] = input.words;
		const rules = what === 'import' ? readFileSync(file ?? 0, 'utf8') : undefined;
		// Check the rules here, before they are sent.
		const parsed = rules === undefined ? undefined : parseRules(rules, file ?? 'standard input');
		if (input.options['to'] !== undefined) return tell(rules, { input, tools });
		const access = securityFolder(input, tools).access();
		if (parsed) access.replace(parsed);
		else if (what === 'list') tools.screen.out(await listed(access, tools));
		else if (what === 'export') tools.screen.out(yamlText(access.rules() ?? {}));
		else change(access, input);
		return exitCodes.ok;
	},
});

function tell(
	rules: string | undefined,
	given: { input: CommandInput; tools: CommandTools },
): Promise<number> {
	const [what = '', ...words] = given.input.words;
	if (rules !== undefined) return tellNodes('acl-update', ['import'], { ...given, data: rules });
	const method = what === 'export' ? 'list' : what;
	return tellNodes('acl-update', [method, ...words, ...(given.input.rest ?? [])], given);
}

function change(access: Access, input: CommandInput): void {
	const [what = '', from = '', method = '', ...more] = input.words;
	if (method === '' || more.length > 0) {
		throw new ReeveError('bad_usage', `acl ${what} WHO METHOD -- COMMAND; quote the *`);
	}
	if (what === 'remove') removeRules(access, from, method);
	else {
		const effect = what === 'deny' ? 'deny' : 'allow';
		addRule(access, { effect, from, method, command: input.rest ?? [] });
	}
}

async function listed(access: Access, { screen }: CommandTools): Promise<string> {
	const rules = access.rules();
	if (!rules) {
		screen.note('no rules: every sender may call every method');
		return '';
	}
	screen.note('nodes and MQTT clients may do what a rule allows and none denies');
	const rows = rules.rules.map(({ from, method, command = '', effect }) => {
		return [effect, from, method, [command].flat().join(' ')];
	});
	return tableText(['EFFECT', 'FROM', 'METHOD', 'COMMAND'], rows);
}
