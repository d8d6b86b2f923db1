/**
 * The format of the steps in a sheet: what takes time or touches the world, and how it goes on
 * then.
 *
 * @module
 */
import { z } from 'zod';
import { duration, text, value } from './action-schema.ts';
import { strictObject } from './strict-object.ts';

/** What a step does; one of these. */
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
			description: 'Puts a file of the data folder in place, as a whole',
			examples: [{ file: 'rooms/${key}.json', data: '=context' }],
		}),
	appendFile: strictObject('field of appendFile', { file: text, data: value })
		.optional()
		.meta({
			title: 'Append to a file',
			description: 'Appends to a file in the data folder, once, whatever crashes meanwhile',
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
		.meta({ description: 'Names it; needed only to keep it apart from others over a change' }),
	env: z.record(z.string(), text).optional().meta({
		description: 'Variables for a command',
	}),
	timeout: duration.optional().meta({
		description: 'After this long it has failed with the code timed_out',
	}),
	onCrash: z
		.enum(['retry', 'once'])
		.optional()
		.meta({
			description:
				'What follows a death of the node while it runs. retry: it is run again. once: it is ' +
				'not, and has ' +
				'failed with the code ambiguous. Commands and requests that change something are ' +
				'once, others retry',
		}),
};

/** What a step is, beside its transitions. */
export type StepYaml = z.infer<z.ZodObject<typeof stepFields>>;
