/**
 * The method that fetches a web page.
 *
 * @module
 */
import { z } from 'zod';
import { defineMethod } from '../../runtime/method/method.ts';
import { fetchPage, pageUrl } from '../io/http-get.ts';

/**
 * Fetches the page that `methodArgs` names, and returns its body. Any status but 200 is a failure
 * with that status; a page beyond `outputBytesMax`, or one that does not end in time, is a failure
 * with the part that came. After a death of the node it is fetched again: a GET may be repeated.
 */
export default defineMethod({
	name: 'REQHttpGet',
	aliases: ['http-get'],
	summary: 'Fetch a web page',
	kind: 'EventACK',
	ordering: 'concurrent',
	onCrash: 'retry',
	replies: true,
	args: z
		.array(pageUrl)
		.length(1, 'methodArgs must be one address, such as ["https://example.org"]'),
	example: { methodArgs: ['data:text/plain,hello'] },
	run: async ({ methodArgs: [url = ''] }, context) => fetchPage(url, context),
});
