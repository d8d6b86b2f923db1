/**
 * The method that fetches a web page again and again.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { fetchPage, pageUrl } from '../io/http-get.ts';

const whole = /^[1-9]\d{0,6}$/;

/**
 * Fetches a page every so many seconds, for so many minutes, as steward's method of this name. It
 * is REQHttpGet with a `schedule`, which any message may have; its message's own has precedence.
 */
export default defineMethod({
	name: 'REQHttpGetScheduled',
	aliases: ['http-get-scheduled'],
	summary: 'Fetch a web page every so many seconds',
	kind: 'EventACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	args: z
		.array(z.string())
		.length(3, 'methodArgs must be an address, seconds, and minutes in all')
		.refine(
			([url]) => pageUrl.safeParse(url).success,
			'the address must begin with http:// or https://',
		)
		.refine(
			([, ...numbers]) => numbers.every((text) => whole.test(text)),
			'seconds and minutes must be whole numbers',
		),
	scheduleOf({ methodArgs: [, seconds, minutes] }) {
		return { every: Number(seconds), total: Number(minutes) * 60 };
	},
	example: { methodArgs: ['data:text/plain,hello', '60', '1'] },
	run: async ({ methodArgs: [url = ''] }, context) => fetchPage(url, context),
});
