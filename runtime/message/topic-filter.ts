/**
 * Matches topics against MQTT's topic filters: for the broker in memory, and for access rules.
 *
 * @module
 */

/**
 * Whether the filter matches the topic: `+` matches one level, `#` at the end any number of further
 * levels. Neither matches a first level that begins with `$`.
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
