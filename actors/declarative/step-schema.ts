/**
 * The schema of steps in YAML definitions: commands, HTTP requests and files.
 *
 * @module
 */
import { z } from 'zod';
import { duration, text, value } from './action-schema.ts';
import { strictObject } from './strict-object.ts';

/** The kinds of steps; a step is one of these. */
export const stepLibrary = {
	command: z
		.array(text)
		.min(1)
		.optional()
		.meta({
			title: 'Run a command',
			description:
				'A program and its arguments, without a shell unless one is named. Done with ' +
				'event.output.stdout, stderr and exitCode; any other exit code than 0 is a failure',
			examples: [['systemctl', 'restart', '=context.service']],
		}),
	http: strictObject('field of a request', {
		url: text,
		method: z.enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'HEAD']).optional(),
		headers: z.record(z.string(), text).optional(),
		data: value.optional().meta({ description: 'The body; anything but text is sent as JSON' }),
	})
		.optional()
		.meta({
			title: 'HTTP request',
			description:
				'Done with event.output.status and data, a text; a status of 400 or more is a failure',
			examples: [{ url: 'https://example.com/state' }],
		}),
	readFile: text.optional().meta({
		title: 'Read a file',
		description: 'A file in the data folder. Done with its text as event.output',
		examples: ['settings/limits.json'],
	}),
	writeFile: strictObject('field of writeFile', { file: text, data: value })
		.optional()
		.meta({
			title: 'Write a file',
			description: 'Replaces a file in the data folder as a whole',
			examples: [{ file: 'rooms/${key}.json', data: '=context' }],
		}),
	appendFile: strictObject('field of appendFile', { file: text, data: value })
		.optional()
		.meta({
			title: 'Append to a file',
			description: 'Appends to a file in the data folder, once, even after a crash',
			examples: [{ file: 'log.txt', data: '${key} is ${context.celsius}\n' }],
		}),
};

/** The fields of a step beside its transitions. */
export const stepFields = {
	...stepLibrary,
	id: z
		.string()
		.regex(/^[\w-]{1,64}$/)
		.optional()
		.meta({ description: 'Its name; needed only if a change moves a step that may be running' }),
	env: z.record(z.string(), text).optional().meta({
		description: 'Variables for a command',
	}),
	timeout: duration.optional().meta({
		description: 'After this time it fails with the code timed_out',
	}),
	onCrash: z
		.enum(['retry', 'once'])
		.optional()
		.meta({
			description:
				'What follows if the node dies while it runs. retry: it runs again. once: it fails with ' +
				'the code ambiguous. The default is once for commands and for requests that change ' +
				'something, and retry for others',
		}),
};

/** A step as it is written, without its transitions. */
export type StepYaml = z.infer<z.ZodObject<typeof stepFields>>;
