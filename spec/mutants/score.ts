/**
 * Counts which mistakes the specs have noticed, by room, and says whether these are enough.
 *
 * @module
 */
import { dirname } from 'node:path';
import type { Played } from './playing.ts';

/** Of all mistakes at least this share is noticed. */
const shareMin = 0.85;
/** In these rooms at least this share is: what they do wrong costs messages, or lets someone in. */
const strictShareMin = 0.9;
/** Those rooms, by area. */
const strictAreas: Readonly<Record<string, readonly string[]>> = {
	delivery: ['runtime/delivery', 'actors/inbound', 'actors/outbound'],
	journal: ['runtime/journal'],
	identity: ['runtime/network', 'runtime/protocol'],
	access: ['runtime/security'],
	supervision: ['supervisors/otp'],
};

/** How many mistakes there are in a room or an area, and how many were noticed. */
export interface Score {
	readonly name: string;
	readonly noticed: number;
	readonly of: number;
}

function scoreOf(name: string, played: readonly Played[]): Score {
	const noticed = played.filter(({ end }) => end === 'noticed').length;
	return { name, noticed, of: played.length };
}

const roomOf = ({ mutant }: Played): string => dirname(mutant.file);

/** The score of each room that was played in. */
export function scoresByRoom(played: readonly Played[]): readonly Score[] {
	const names = [...new Set(played.map(roomOf))].toSorted();
	return names.map((name) =>
		scoreOf(
			name,
			played.filter((each) => roomOf(each) === name),
		),
	);
}

/** What is wrong with a run, for people; empty if nothing is. */
export function faultsOf(played: readonly Played[]): readonly string[] {
	const areas = Object.entries(strictAreas).map(([name, rooms]) => ({
		score: scoreOf(
			name,
			played.filter((each) => rooms.includes(roomOf(each))),
		),
		min: strictShareMin,
	}));
	const low = [{ score: scoreOf('all', played), min: shareMin }, ...areas]
		.filter(({ score: { noticed, of }, min }) => noticed < of * min)
		.map(({ score: { name, noticed, of }, min }) => {
			return `${name}: ${noticed} of ${of} noticed, at least ${min * 100} % are wanted`;
		});
	const wrong = played.flatMap(({ mutant: { id, unnoticed }, end, why }) => {
		if (end === 'error') return [`${id}: error: ${why}`];
		if (end === 'unnoticed' && unnoticed === undefined) return [`${id}: unnoticed, with no reason`];
		if (end === 'noticed' && unnoticed !== undefined)
			return [`${id}: noticed, in spite of a reason`];
		return [];
	});
	return [...wrong, ...low];
}
