/**
 * MQTT's topic filters, for brokers that we play ourselves.
 *
 * @module
 */

/**
 * Whether a topic is one that the filter means: `+` stands for one level, `#` at the end for all
 * further ones and for none. Neither stands for a first level that begins with `$`.
 */
export function matchesFilter(filter: string, topic: string): boolean {
	const wanted = filter.split('/');
	const levels = topic.split('/');
	const isWild = wanted[0] === '+' || wanted[0] === '#';
	if (isWild && topic.startsWith('$')) return false;
	for (const [index, level] of wanted.entries()) {
		if (level === '#') return true;
		if (index >= levels.length || (level !== '+' && level !== levels[index])) return false;
	}
	return wanted.length === levels.length;
}
