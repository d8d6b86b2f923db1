/**
 * `reeve send` hands a message in and shows the answers as they come. Interrupting the command ends
 * only the watching: the node keeps the message, and delivers it.
 *
 * @module
 */
import { targetOptions } from '../client/target-resolution.ts';
import { defineCommand } from '../arguments/command.ts';
import { socketOptions } from '../client/socket-path.ts';
import { formatOption } from '../arguments/format-option.ts';
import { sendMessages } from '../client/send-message.ts';

/** Sends a message, or those on standard input. */
export default defineCommand({
	arguments: [
		{
			name: '<method>',
			help: 'The method, such as exec; - reads messages as JSON from standard input',
		},
		{ name: '[fields...]', help: 'Fields of the message: key=value' },
	],
	options: [
		...targetOptions,
		{ flags: '--detach', help: 'Print the ids and do not wait for answers' },
		{ flags: '--timeout <seconds>', help: 'How long to watch at most' },
		formatOption,
		...socketOptions,
	],
	examples: [
		'reeve send exec --to ship1,ship2 -- uptime',
		'reeve send append-file --to ship1 directory=notes fileName=log.txt data=hello',
		'reeve send exec --to ship1 --output jsonl methodTimeout=60 -- ./backup.sh',
		"reeve send exec --to 'os=linux and role~db' --batch 5 --batch-sleep 30s -- reboot",
		"reeve send ping --to 'ship*' --limit 10% --dry-run",
		'reeve send - < messages.json',
	],
	run: sendMessages,
});
